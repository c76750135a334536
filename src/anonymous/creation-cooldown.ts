// The cooldown of an acquirer after a refusal: stored, shared and shown in the status as any other (H3).
import type { AcquirerConfig } from "../contract/anonymous-source.ts";
import type { Key } from "../contract/credential.ts";
import type { Reason, Verdict } from "../contract/verdict.ts";
import { toCooldownStatus } from "../cooldowns/cooldown-status.ts";
import { clampHint } from "../policies/backoff.ts";
import type { Cooldown } from "../cooldowns/cooldown-table.ts";
import { ANY } from "../shared/patterns.ts";
import type { AcquirerDeps } from "./acquirer-deps.ts";

export interface CreationCooldown {
  readonly key: Key;
  /** Until when nothing is created, UTC epoch ms; 0 when creation is allowed. */
  until(now: number): number;
  reason(): Reason | undefined;
  /** Applies a refusal: as long as its hint says, otherwise with an increasing backoff. */
  refused(verdict: Verdict, sentAt: number): void;
  succeeded(sentAt: number): void;
}

const FIRST = 300_000;
const LONGEST = 4_800_000;

export function createCreationCooldown(
  { cooldowns, clock, state, hooks }: AcquirerDeps,
  { id, upstream }: AcquirerConfig,
): CreationCooldown {
  const key: Key = { credential: id, upstream, pool: ANY, family: ANY };

  function changed(cooldown: Cooldown | undefined): void {
    if (cooldown) state.putCooldown(cooldown);
  }

  return {
    key,
    until: (now) => cooldowns.until(id, ANY, ANY, now),
    reason: () => cooldowns.get(key)?.reason,
    refused({ reason, hint, disables }, sentAt) {
      const ladder = (incidents: number): number =>
        disables ? LONGEST : Math.min(FIRST * 2 ** Math.max(0, incidents - 1), LONGEST);
      const stated = hint === null ? null : clampHint(hint).wait;
      const opened = cooldowns.refuse({ key, reason, hint: stated, ladder, sentAt }, clock.now());
      changed(opened);
      if (opened && hooks.has("cooldown"))
        hooks.emit("cooldown", toCooldownStatus(opened, clock.now(), true));
    },
    succeeded: (sentAt) => changed(cooldowns.succeed(key, sentAt, clock.now())),
  };
}
