import type { DisableRecord } from "../../src/contract/records.ts";
import { describe, expect, it } from "vitest";
import { DisabledCredentials } from "../../src/cooldowns/disabled-credentials.ts";
import { NOW } from "../pool/fixtures.ts";

function createHealth() {
  const told: DisableRecord[] = [];
  const health = new DisabledCredentials((mark) => void told.push(mark));
  const disable = (cause: "auth" | "operator" = "auth"): void =>
    health.disable("a", { cause, reason: "said so", at: NOW });
  return { health, told, disable };
}

describe("health", () => {
  it("F5 tells of each change once, each with a higher revision", () => {
    const { health, told, disable } = createHealth();
    disable();
    expect(health.get("a")?.cause).toBe("auth");
    expect(health.enable("a", NOW + 1)).toBe(true);
    expect(health.enable("a", NOW + 2)).toBe(false);
    expect(told.map(({ revision, disabled }) => [revision, disabled?.cause])).toEqual([
      [1, "auth"],
      [2, undefined],
    ]);
  });

  it("F5 takes from a store only what is newer than what it knows", () => {
    const { health, told, disable } = createHealth();
    disable();
    const [mark] = told;
    health.enable("a", NOW + 1);
    expect(health.restore(mark!)).toBe(false);
    expect(health.get("a")).toBeUndefined();
    expect(health.restore({ ...mark!, revision: 9 })).toBe(true);
    expect(health.get("a")?.cause).toBe("auth");
    health.enable("a", NOW + 2);
    expect(told.at(-1)?.revision).toBe(10);
  });
});
