// What a verdict does to the credential, the model or the upstream that it concerns: cooldowns, and disabled credentials.
import type { Clock, Random } from "../contract/clock.ts";
import type { Key } from "../contract/credential.ts";
import type { Reason, Verdict } from "../contract/verdict.ts";
import type { Hooks } from "../observe/hooks.ts";
import type { Reporter } from "../observe/reporter.ts";
import { describeDisabled } from "../observe/disabled-messages.ts";
import { BACKOFF, backoffWait, clampHint, withJitter } from "../policies/backoff.ts";
import { ANY } from "../shared/patterns.ts";
import { REASONS } from "../shared/reasons.ts";
import { toSecondsText, wallTime } from "../shared/times.ts";
import type { Correction } from "./attribution.ts";
import { isAlone, isOfOneModel, keyOf } from "./cooldown-key.ts";
import { toCooldownStatus } from "./cooldown-status.ts";
import type { Cooldown } from "./cooldown-table.ts";
import type { Cooldowns } from "./cooldowns.ts";
import type { DisabledCredentials } from "./disabled-credentials.ts";
import type { Failure, Success } from "./outcome.ts";
import { Reattribution } from "./reattribute.ts";

export interface VerdictApplierDeps {
  cooldowns: Cooldowns;
  disabled: DisabledCredentials;
  limits: {
    /** Factor on every stated wait. */
    hintMultiplier: number;
    /** Largest share of a wait that is added at random. */
    jitter: number;
    /** Reasons that may disable a credential. */
    disableOn: readonly Reason[];
  };
  hooks: Pick<Hooks, "has" | "emit">;
  reporter: Pick<Reporter, "info" | "warn">;
  clock: Clock;
  random: Random;
  /** True for an upstream with one quota pool. */
  hasOnePool(upstream: string): boolean;
  /** Called for each key that was closed or opened, and each whose end was restated. */
  onChanged(cooldown: Cooldown): void;
  /** Asks the upstream when a key opens. Resolves with UTC epoch ms, or `undefined` if the upstream cannot say. */
  resetOf(key: Key, model: string): Promise<number | undefined> | undefined;
  /** True for a credential whose token can be refreshed. */
  isRenewable(credential: string): boolean;
}

/** The provider reports both with the same answer. */
const NO_MODEL = "; the provider has no model of this name, or this credential has no access to it";
const VERIFICATION = /verif|validation_required/i;

/** Applies verdicts. The only place that closes keys and disables credentials because of an upstream's answer. */
export class VerdictApplier {
  readonly #deps: VerdictApplierDeps;
  readonly #backoff: typeof BACKOFF;
  readonly #disabling: ReadonlySet<Reason>;
  /** Addresses at which an owner verifies a credential, by credential. */
  readonly #links = new Map<string, string>();
  readonly #reattribution: Reattribution;

  constructor(deps: VerdictApplierDeps) {
    this.#deps = deps;
    this.#backoff = { ...BACKOFF, hintMultiplier: deps.limits.hintMultiplier };
    this.#disabling = new Set(deps.limits.disableOn);
    this.#reattribution = new Reattribution(deps.hasOnePool);
  }

  /** Applies a failure. Returns the cooldown that it opened or met, for the request that may retry inside it. */
  apply(failure: Failure): Cooldown | undefined {
    const { verdict, credential, target } = failure;
    if (isOfOneModel(verdict) && !isAlone(target)) return undefined;
    if (REASONS[verdict.reason].closes) return this.#close(failure);
    if (verdict.reason === "TOKEN_EXHAUSTED") this.#disable(failure, "exhausted");
    if (verdict.reason === "UNAUTHENTICATED" && !this.#deps.isRenewable(credential))
      return this.#applyDenied(failure, "auth");
    return verdict.reason === "FORBIDDEN" ? this.#applyForbidden(failure) : undefined;
  }

  /** Applies a first payload: the cooldown and the backoff of its key end. */
  succeeded(success: Success): void {
    const { cooldowns, clock } = this.#deps;
    const { credential, target, sentAt, also } = success;
    const { upstream, pool, family } = target;
    this.#links.delete(credential);
    const now = clock.now();
    for (const key of [{ credential, upstream, pool, family }, ...also]) {
      const cleared = cooldowns.succeed(key, sentAt, now);
      if (cleared) this.#deps.onChanged(cleared);
    }
    const correction = this.#reattribution.served(success, now);
    if (correction) this.#correct(correction);
  }

  /**
   * Several credentials were refused for one request. A 403 was caused by the request: none is disabled or closed (E7). A 401 may
   * be an outage of the provider's login: none is disabled, all are closed for a while (E6).
   */
  revertDenied(denied: readonly Failure[]): void {
    const { disabled, clock, reporter } = this.#deps;
    for (const failure of denied) {
      const { credential, target, verdict } = failure;
      const mark = disabled.get(credential);
      const isRefused = mark?.cause === "forbidden" || mark?.cause === "auth";
      if (isRefused && disabled.enable(credential, clock.now()))
        reporter.info(
          `credential ${credential} is enabled again: several credentials were refused for the same request`,
        );
      if (verdict.reason === "UNAUTHENTICATED") this.#close(failure);
      else this.#openForbidden({ credential, upstream: target.upstream, pool: ANY, family: ANY });
    }
  }

  #openForbidden(key: Key): void {
    if (this.#deps.cooldowns.get(key)?.reason === "FORBIDDEN") this.clear(key);
  }

  /** Address at which the owner of a credential must verify it; until the credential has served again. */
  verificationLinkOf(credential: string): string | undefined {
    return this.#links.get(credential);
  }

  /** Opens a key. */
  clear(key: Key): void {
    const { cooldowns, clock, onChanged } = this.#deps;
    const cleared = cooldowns.clear(key, clock.now());
    if (cleared) onChanged(cleared);
  }

  #close(failure: Failure): Cooldown | undefined {
    const { cooldowns, clock } = this.#deps;
    const { credential, target, verdict, sentAt, grace } = failure;
    const { reason } = verdict;
    const key = keyOf(verdict, credential, target);
    if (!key) return undefined;
    // A limit of 0 has no wait: at the stated time nothing would have changed (C4).
    const stated = verdict.noAccess ? null : verdict.hint;
    const clamped = stated === null ? undefined : clampHint(stated, this.#backoff);
    const hint = clamped ? (grace ?? this.#jittered(clamped.wait)) : null;
    const isCapped = grace === undefined && clamped?.capped;
    const ladder = (incidents: number): number =>
      this.#jittered(backoffWait(reason, incidents, this.#backoff));
    const opened = cooldowns.refuse(
      { key, reason, hint, ladder, sentAt, isCapped, isStep: grace === undefined },
      clock.now(),
    );
    if (opened) this.#announce(opened, verdict);
    const met = opened ?? cooldowns.get(key);
    if (opened && hint === null && reason === "QUOTA_EXHAUSTED")
      void this.#restate(opened, target.model);
    if (met && hint === null) this.#reattribute(failure, met, opened !== undefined);
    return cooldowns.get(key);
  }

  #jittered(wait: number): number {
    return withJitter(wait, this.#deps.limits.jitter, this.#deps.random);
  }

  // The API itself may state when a quota is full again: asked once for each window, and no request waits for it (A16).
  async #restate(opened: Cooldown, model: string): Promise<void> {
    const { cooldowns, clock, resetOf, onChanged } = this.#deps;
    const { key } = opened;
    const resetAt = key.credential === ANY ? undefined : await resetOf(key, model);
    if (resetAt === undefined) return;
    const now = clock.now();
    const { wait } = clampHint(resetAt - wallTime(clock), { ...this.#backoff, hintMultiplier: 1 });
    const restated = cooldowns.restate(opened, now + wait, now);
    if (!restated) return;
    onChanged(restated);
    this.#emit(restated, now);
  }

  #reattribute(failure: Failure, met: Cooldown, isFirst: boolean): void {
    const { clock, reporter } = this.#deps;
    const { credential, target, verdict } = failure;
    const found = this.#reattribution.refused(failure, met, isFirst, clock.now());
    if (found?.kind === "corrected") this.#correct(found.correction);
    if (found?.kind !== "widened") return;
    reporter.warn(
      `credential ${credential} was refused for ${found.otherFamily} and ${target.family} within a minute: the limit is taken for its own`,
    );
    this.#close({ ...failure, verdict: { ...verdict, scope: "credential" } });
  }

  #correct({ blamed, reason, closed, request }: Correction): void {
    const { cooldowns, reporter } = this.#deps;
    const { family } = closed[0]!;
    const wrong = closed.filter(({ key, openedAt }) => cooldowns.get(key)?.openedAt === openedAt);
    for (const { key, credential, pool } of wrong) {
      this.clear(key);
      if (blamed === "model") this.#closeKey({ ...key, credential, pool, family }, reason);
    }
    const ids = wrong.map(({ credential }) => credential).join(", ");
    const what = blamed === "request" ? "other requests" : `other models than ${family}`;
    reporter.warn(
      `what closed ${ids} is undone: ${reason} came to request ${request} on each, and they serve ${what} that were sent later`,
    );
  }

  #closeKey(key: Key, reason: Reason): void {
    const { cooldowns, clock, onChanged } = this.#deps;
    const ladder = (incidents: number): number => backoffWait(reason, incidents, this.#backoff);
    const now = clock.now();
    const opened = cooldowns.refuse({ key, reason, hint: null, ladder, sentAt: now }, now);
    if (opened) onChanged(opened);
  }

  #announce(opened: Cooldown, { evidence }: Verdict): void {
    const { clock, reporter, onChanged } = this.#deps;
    const { key, reason, until, stated } = opened;
    const now = clock.now();
    onChanged(opened);
    this.#emit(opened, now);
    const subject =
      key.credential === ANY ? `upstream ${key.upstream}` : `credential ${key.credential}`;
    const model = key.family === ANY ? "" : ` for ${key.family}`;
    reporter.warn(
      `${subject}${model} cools down for ${toSecondsText(until - now, now)}: ${reason} (matched ${evidence}; ${stated ? "stated by the upstream" : "backoff"})${reason === "NOT_FOUND" ? NO_MODEL : ""}`,
    );
  }

  #emit(cooldown: Cooldown, now: number): void {
    const { hooks } = this.#deps;
    if (hooks.has("cooldown")) hooks.emit("cooldown", toCooldownStatus(cooldown, now, false));
  }

  #applyForbidden(failure: Failure): Cooldown | undefined {
    const { verdict, credential, link } = failure;
    if (verdict.scope === "model") return this.#close(failure);
    if (verdict.scope !== "credential") return undefined;
    if (link && needsVerification(verdict)) this.#links.set(credential, link);
    return this.#applyDenied(failure, "forbidden");
  }

  /** Disables a credential only if the answer says that it will not work again; otherwise closes it for a while (E6, E7). */
  #applyDenied(failure: Failure, cause: "auth" | "forbidden"): Cooldown | undefined {
    if (!failure.verdict.disables) return this.#close(failure);
    this.#disable(failure, cause);
    return undefined;
  }

  #disable(
    { credential, target, verdict }: Failure,
    cause: "auth" | "forbidden" | "exhausted",
  ): void {
    const { disabled, clock, reporter } = this.#deps;
    const { reason, evidence } = verdict;
    if (disabled.get(credential)) return;
    if (cause !== "exhausted" && !this.#disabling.has(reason)) {
      reporter.warn(
        `credential ${credential} on upstream ${target.upstream} was refused (${reason}, ${evidence}) and stays enabled: \`limits.disableOn\` does not list ${reason}`,
      );
      return;
    }
    const mark = { cause, reason: `${reason} (${evidence})`, at: clock.now() };
    disabled.disable(credential, mark);
    reporter.warn(describeDisabled(credential, target.upstream, mark));
  }
}

/** True if the owner of the credential must prove an identity (E7). */
export function needsVerification({ evidence }: Verdict): boolean {
  return VERIFICATION.test(evidence);
}
