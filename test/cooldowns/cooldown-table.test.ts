import fc from "fast-check";
import { expect, it } from "vitest";
import { CooldownTable } from "../../src/cooldowns/cooldown-table.ts";
import type { Cooldown } from "../../src/cooldowns/cooldown-table.ts";

const POOLS = ["*", "main", "other"];
const FAMILIES = ["*", "m", "n"];

const opArb = fc.record({
  what: fc.constantFrom("put", "put", "put", "forget"),
  credential: fc.constantFrom("a", "b", "*"),
  pool: fc.constantFrom(...POOLS),
  family: fc.constantFrom(...FAMILIES),
  at: fc.nat(1_000),
});
type Op = typeof opArb extends fc.Arbitrary<infer T> ? T : never;

function toCooldown({ credential, pool, family, at }: Op): Cooldown {
  return {
    key: { credential, upstream: "up", pool, family },
    reason: "QUOTA_EXHAUSTED",
    until: at,
    writtenAt: 0,
    epoch: 0,
    incidents: 1,
    stated: true,
    openedAt: 0,
    distrusted: false,
    isOver: false,
    probeUntil: 0,
  };
}

const nameOf = ({ credential, pool, family }: Cooldown["key"]): string =>
  [credential, pool, family].join("\n");

it("D1 K11 keeps each key for itself, however many its owner has, until it is forgotten", () => {
  fc.assert(
    fc.property(fc.array(opArb, { maxLength: 120, size: "max" }), (ops) => {
      const table = new CooldownTable(1_000);
      const model = new Map<string, Cooldown>();
      for (const op of ops) {
        const cooldown = toCooldown(op);
        if (op.what === "put") {
          table.put(cooldown, op.at);
          model.set(nameOf(cooldown.key), cooldown);
        } else {
          table.forget(op.at, Infinity);
          for (const [name, { until }] of model) if (until <= op.at) model.delete(name);
        }
        expect(table.size).toBe(model.size);
        expect(table.get(cooldown.key)).toBe(model.get(nameOf(cooldown.key)));
      }
      expect(new Set(table.all())).toEqual(new Set(model.values()));
      for (const cooldown of model.values()) expect(table.get(cooldown.key)).toBe(cooldown);
    }),
    { numRuns: 300, seed: 7 },
  );
});
