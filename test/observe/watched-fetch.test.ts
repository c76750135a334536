import { expect, it } from "vitest";
import { createFaultLog } from "../../src/observe/fault-log.ts";
import { createReporter } from "../../src/observe/reporter.ts";
import { watchedFetch } from "../../src/observe/watched-fetch.ts";
import { createVirtualClock } from "../support/virtual-clock.ts";

function failingFetch(error: Error): typeof fetch {
  return async () => {
    throw error;
  };
}

function bench(error: Error): { lines: string[]; call: () => Promise<Response> } {
  const lines: string[] = [];
  const say = (line: string): void => void lines.push(line);
  const clock = createVirtualClock();
  const reporter = createReporter({ debug: say, info: say, warn: say, error: say }, clock);
  const watched = watchedFetch({
    fetch: failingFetch(error),
    log: createFaultLog(reporter, clock),
    clock,
    name: "token endpoint",
    isClosing: () => false,
  });
  return { lines, call: () => watched("https://login.example.com/token?secret=1") };
}

it("J14 reports a network fault of the endpoint with its host, and neither path nor query", async () => {
  const refused = Object.assign(new Error("connect"), { code: "ECONNREFUSED" });
  const { lines, call } = bench(refused);
  await expect(call()).rejects.toBe(refused);
  expect(lines).toHaveLength(1);
  expect(lines[0]).toContain("token endpoint (login.example.com:443): connection refused");
  expect(lines[0]).not.toContain("secret");
});

it("J14 does not report a permission that Deno denied, which has its own line", async () => {
  const denied = Object.assign(
    new Error(
      'Requires net access to "login.example.com:443", run again with the --allow-net flag',
    ),
    { name: "NotCapable" },
  );
  const { lines, call } = bench(denied);
  await expect(call()).rejects.toBe(denied);
  expect(lines).toEqual([]);
});
