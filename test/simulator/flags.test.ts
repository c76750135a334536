import { expect, it } from "vitest";
import { toOptions, USAGE } from "../../simulator/flags.ts";

it("turns flags into options", () => {
  const options = toOptions(
    "--port 0 --seed 7 --key a=sk=1 --key b=2 --model m --scenario slow".split(" "),
  );
  expect(options).toMatchObject({ port: 0, seed: 7, keys: { a: "sk=1", b: "2" }, models: ["m"] });
  expect(options?.scenario).toMatchObject({ name: "slow" });
  expect(options?.rules).toBeUndefined();
});

it("turns pacing flags into a rule for every call", () => {
  const options = toOptions(["--events", "20", "--event-bytes", "150", "--interval", "0"]);
  expect(options?.rules).toEqual([{ then: { events: 20, eventBytes: 150, interval: 0 } }]);
});

it("asks for the usage, which names every flag", () => {
  expect(toOptions(["--help"])).toBeUndefined();
  expect(USAGE.match(/--[a-z-]+/g)).toHaveLength(11);
});

it("names a flag that is wrong", () => {
  expect(() => toOptions(["--port", "x"])).toThrow('"--port"');
  expect(() => toOptions(["--key", "secret"])).toThrow('"--key"');
  expect(() => toOptions(["--scenario", "none"])).toThrow("quota-gone");
  expect(() => toOptions(["--unknown"])).toThrow("--unknown");
});
