import { describe, expect, it } from "vitest";
import { toCommand, USAGE } from "../../simulator/flags.ts";
import type { SimulatorOptions } from "../../simulator/options.ts";
import { SCENARIOS } from "../../simulator/index.ts";

const toOptions = (line: string): SimulatorOptions =>
  toCommand(line.split(" ").filter((word) => word !== ""))!.options;

it("turns flags into options", () => {
  const options = toOptions(
    "--port 0 --seed=7 --key a=sk=1 --key b=2 --model m --scenario slow --grant g=rt --no-rotate " +
      "--token-lifetime 5000 --creations-per-hour 3 --creations-per-day 9 --creation-spacing 100 --requests-each 2",
  );
  expect(options).toMatchObject({
    port: 0,
    seed: 7,
    keys: { a: "sk=1", b: "2" },
    models: ["m"],
    tokens: { grants: { g: "rt" }, rotate: false, lifetime: 5000 },
    creations: { perHour: 3, perDay: 9, spacing: 100, requestsEach: 2 },
  });
  expect(options.scenario).toMatchObject({ name: "slow" });
  expect(options.rules).toBeUndefined();
  expect(toOptions("").tokens?.rotate).toBeUndefined();
});

it("turns pacing flags into a rule for every call", () => {
  const options = toOptions("--events 20 --event-bytes 150 --interval 0");
  expect(options.rules).toEqual([{ then: { events: 20, eventBytes: 150, interval: 0 } }]);
});

it("turns quotas into options", () => {
  const { quotas } = toOptions("--quota 3/minute --quota gpt-*=100/day --quota 50 --quota m=1/250");
  expect(quotas).toEqual([
    { limit: 3, per: 60_000, model: undefined },
    { limit: 100, per: 86_400_000, model: "gpt-*" },
    { limit: 50, per: undefined, model: undefined },
    { limit: 1, per: 250, model: "m" },
  ]);
});

it("prints a usage that names every flag and every scenario, in lines that fit a terminal", () => {
  expect(toCommand(["--help"])).toBeUndefined();
  const described = [...USAGE.matchAll(/^ {2}--([a-z-]+)/gm)].map(([, flag]) => flag!);
  expect(described).toHaveLength(20);
  // Each of them is a known flag.
  for (const flag of described) expect(() => toCommand([`--${flag}`])).not.toThrow("Unknown");
  for (const name of Object.keys(SCENARIOS)) expect(USAGE).toMatch(new RegExp(`\\b${name}\\b`));
  expect(Math.max(...USAGE.split("\n").map(({ length }) => length))).toBeLessThan(125);
});

describe("a wrong flag is named", () => {
  it.each([
    ["--port x", 'Flag "--port" must be an integer, 0 to 65535.'],
    ["--port 65536", 'Flag "--port" must be an integer, 0 to 65535.'],
    ["--port 1.5", '"--port"'],
    ["--port 0x10", '"--port"'],
    ["--port", 'Flag "--port" needs a value.'],
    ["--port --quiet", 'Flag "--port" needs a value.'],
    ["--port=", '"--port"'],
    ["--seed x", 'Flag "--seed" must be an integer.'],
    ["--keep 0", 'Flag "--keep" must be an integer, 1 or more.'],
    ["--events -1", '"--events" must be an integer, 0 or more.'],
    ["--interval ten", '"--interval"'],
    ["--token-lifetime 0", '"--token-lifetime"'],
    ["--creations-per-hour many", '"--creations-per-hour"'],
    ["--requests-each x", '"--requests-each"'],
    ["--host=", 'Flag "--host" must not be empty.'],
    ["--model=", 'Flag "--model" must not be empty.'],
    ["--key secret", 'Flag "--key" must look like name=secret.'],
    ["--key =secret", '"--key" must look like'],
    ["--key a=", '"--key" must look like'],
    ["--key a=1 --key a=2", 'Flag "--key" names "a" more than once.'],
    ["--key a=1 --key b=1", 'Flag "--key" gives "b" a value that another name already has.'],
    ["--grant token", 'Flag "--grant" must look like name=refresh-token.'],
    ["--quota many", 'Flag "--quota" must look like 3/minute'],
    ["--quota 3/fortnight", "known times: second, minute, hour, day"],
    ["--quota 3/constructor", '"--quota"'],
    ["--quota 3/0", '"--quota"'],
    ["--quiet=yes", 'Flag "--quiet" takes no value.'],
    [
      "--scenario flakey",
      'Flag "--scenario" is "flakey". Did you mean "flaky"? Known: healthy, quota-gone,',
    ],
    ["--scenario Quota_Gone", 'Did you mean "quota-gone"?'],
    ["--scenario nonsense", 'Flag "--scenario" is "nonsense". Known: healthy'],
    ["--scenario constructor", 'Flag "--scenario" is "constructor". Known:'],
    ["--scenarios slow", 'Unknown flag "--scenarios". Did you mean "--scenario"?'],
    ["--prot 1", 'Unknown flag "--prot". Did you mean "--port"?'],
    ["--nonsense", 'Unknown flag "--nonsense". See --help.'],
    ["-p 1", 'Unknown flag "-p". See --help.'],
    ["slow", 'Unknown argument "slow": only flags are accepted. Did you mean "--scenario slow"?'],
    ["start", 'Unknown argument "start": only flags are accepted. See --help.'],
  ])("%s", (line, words) => {
    const said = (): unknown => toOptions(line);
    expect(said).toThrow(TypeError);
    expect(said).toThrow(words);
  });

  it("names no secret with it", () => {
    for (const line of [
      "--key sk-secret",
      "--key a=sk-secret --key b=sk-secret",
      "--grant sk-secret",
    ])
      expect(() => toOptions(line)).not.toThrow("sk-secret");
  });
});
