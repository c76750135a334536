/** Kills a process at a step of its work: by itself, or by its parent when its request has reached the provider. */
import type { Behaviour, Rule } from "../../simulator/index.ts";
import type { Death } from "./messages.ts";
import type { Process } from "./program.ts";
import type { World } from "./world.ts";

export type Step =
  | { name: string; death: Death }
  /** `hasActed`: the provider has done its work, and has not answered. */
  | { name: string; operation: string; hasActed: boolean };

/** Rules that wait for their victim, by world. */
const rules = new WeakMap<World, Set<Rule>>();

/** Kills `victim` at `step`; `credential` identifies its call to the provider, where several die at the same time. */
export async function prepare(
  world: World,
  victim: Process,
  step: Step,
  { credential = "*" }: { credential?: string } = {},
): Promise<void> {
  if ("death" in step) {
    await victim.tell({ do: "die", where: world.where, death: step.death });
    return;
  }
  const { upstream } = world;
  const { operation, hasActed } = step;
  const known = rules.get(world) ?? new Set<Rule>();
  rules.set(world, known);
  const then = (): Behaviour => {
    known.delete(rule);
    upstream.script(...known);
    if (hasActed) return { stall: "before-headers" };
    victim.kill();
    return { refuse: "server-error", delay: 1_000 };
  };
  const rule: Rule = { when: { operation, credential }, then };
  known.add(rule);
  upstream.script(...known);
  if (!hasActed) return;
  const fits = upstream.ledger.next(
    (call) => call.stalled && call.operation === operation && matches(credential, call.credential),
  );
  void fits.then(() => victim.kill());
}

function matches(pattern: string, name: string): boolean {
  return pattern === "*" || pattern === name;
}
