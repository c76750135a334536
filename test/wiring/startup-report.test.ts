import { expect, it } from "vitest";
import { DisabledCredentials } from "../../src/cooldowns/disabled-credentials.ts";
import { createBase } from "../../src/wiring/base.ts";
import { StartupReport } from "../../src/wiring/startup-report.ts";
import { wirePools } from "../../src/wiring/wire-pools.ts";
import { Cooldowns } from "../../src/cooldowns/cooldowns.ts";
import type { StateHealth } from "../../src/contract/state.ts";

it("J15 F5 logs the start line and the disabled credentials once each, also if the store answers late", () => {
  const lines: string[] = [];
  const say = (line: string): void => void lines.push(line);
  const base = createBase({
    upstream: { baseURL: "http://127.0.0.1:1/v1", dialect: "openai" },
    credentials: [{ id: "c1", apiKey: "sk-c1" }],
    log: { debug() {}, info: say, warn: say, error: say },
  });
  const disabled = new DisabledCredentials(() => {});
  // Each line would be another one: the reporter itself drops a line that is repeated.
  let added = 0;
  const report = new StartupReport(base, {
    pools: wirePools(base, new Cooldowns(), () => {}),
    disabled,
    health: () => ({ driver: "memory" }) as StateHealth,
    countAdded: () => added++,
  });
  report.log(false);
  disabled.disable("c1", { cause: "auth", reason: "UNAUTHENTICATED (status:401)", at: 0 });
  report.log(false);
  expect(lines).toEqual([expect.stringContaining("1 credential, state in memory")]);
  report.log(true);
  report.log(true);
  expect(lines).toHaveLength(2);
  expect(lines[1]).toContain("1 credential is disabled since an earlier start: c1");
});
