// What a verdict does to the credential, the model or the upstream it concerns: cooldowns, and credentials out of use.
import type { Clock, Random } from "../contract/clock.ts";
import type { Key } from "../contract/credential.ts";
import type { State } from "../contract/state.ts";
import type { Target } from "../contract/target.ts";
import type { Reason, Verdict } from "../contract/verdict.ts";
import type { Hooks } from "../observe/hooks.ts";
import type { RelayConfig } from "../options/resolve.ts";
import type { Pool } from "../pool/pool.ts";
import type { QuotaPoller } from "../quota/quota-poller.ts";
import type { Reporter } from "../observe/reporter.ts";
import type { TokenProvider } from "../tokens/token-provider.ts";
import { toCooldownStatus } from "./cooldown-status.ts";
import { clampHint, ladderWait, LIMITS_DEFAULTS, withJitter } from "../policies/backoff.ts";
import { ANY, type Cooldown, type Cooldowns } from "./cooldowns.ts";
import { createReattribution } from "./reattribute.ts";
import { describeDisabled } from "../observe/disabled-messages.ts";
import type { DisabledCredentials } from "./disabled-credentials.ts";
import { toWaitText } from "../shared/times.ts";

export interface VerdictApplierDeps {
  config: RelayConfig;
  cooldowns: Cooldowns;
  pools: ReadonlyMap<string, Pool>;
  health: DisabledCredentials;
  auth: TokenProvider;
  state: State;
  hooks: Hooks;
  reporter: Reporter;
  clock: Clock;
  random: Random;
  quotas: QuotaPoller;
}

/** One failed attempt, and who it was. */
export interface Failure {
  requestId: string;
  credential: string;
  target: Target;
  verdict: Verdict;
  /** When the attempt was sent, UTC epoch ms. */
  sentAt: number;
  /** The request itself sits this short wait out, ms; until then the key is closed to others (C9). */
  grace?: number | undefined;
  /** Address that the refusal names. */
  link?: string | undefined;
}

/** One request whose first payload has come. */
export interface Success {
  requestId: string;
  credential: string;
  target: Target;
  sentAt: number;
  /** Keys that it retried in, or was the trial of. */
  also: readonly Key[];
}

/** Reasons that close a key for a while. The others are the request's, the network's or the server's. */
const CLOSING: ReadonlySet<Reason> = new Set<Reason>([
  "QUOTA_EXHAUSTED",
  "RATE_LIMIT_EXCEEDED",
  "MODEL_CAPACITY_EXHAUSTED",
  "UNKNOWN",
  "BILLING",
  "NOT_FOUND",
]);
/** What the provider does not tell apart. */
const NO_MODEL = "; the provider has no model of this name, or this credential has no access to it";
const VERIFICATION_WAIT = 600_000;
const VERIFICATION = /verif|validation_required/i;

export interface VerdictApplier {
  /** Books a failure. Returns the cooldown that it opened or met, for the request that may retry inside it. */
  apply(failure: Failure): Cooldown | undefined;
  /** A first payload came: this key's window and its ladder are over. */
  succeeded(success: Success): void;
  /** Several credentials answered 403 to one request: it is the request's fault after all (E7). */
  revertForbidden(credentials: readonly string[]): void;
  /** Where a credential's owner must confirm who they are; until it has served again. */
  verificationLinkOf(credential: string): string | undefined;
  /** Opens a key by hand. */
  clear(key: Key): void;
}

/** Books what answers mean. The only place that closes keys and disables credentials on an upstream's word. */
export function createVerdictApplier(rooms: VerdictApplierDeps): VerdictApplier {
  const { config, cooldowns, pools, health, auth, state, hooks, reporter, clock, random } = rooms;
  const limits = { ...LIMITS_DEFAULTS, hintMultiplier: config.limits.hintMultiplier };
  const disabling = new Set<string>(config.limits.disableOn);
  const links = new Map<string, string>();
  const evidence = createReattribution(rooms, { close, closeKey, openKey });

  function close(failure: Failure): Cooldown | undefined {
    const { credential, target, verdict, sentAt, grace } = failure;
    const { reason } = verdict;
    const key = keyOf(verdict, credential, target);
    if (!key) return undefined;
    const jittered = (wait: number): number => withJitter(wait, config.limits.jitter, random);
    // A limit of 0 is no wait at all: the stated time would come and nothing would have changed (C4).
    const stated = verdict.noAccess ? null : verdict.hint;
    const clamped = stated === null ? undefined : clampHint(stated, limits);
    const hint = clamped ? (grace ?? jittered(clamped.wait)) : null;
    const isCapped = grace === undefined && clamped?.capped;
    const ladder = (incidents: number): number =>
      jittered(reason === "FORBIDDEN" ? VERIFICATION_WAIT : ladderWait(reason, incidents, limits));
    const opened = cooldowns.refuse(
      { key, reason, hint, ladder, sentAt, isCapped, isStep: grace === undefined },
      clock.now(),
    );
    if (opened) announce(opened, verdict);
    const met = opened ?? cooldowns.get(key);
    if (opened && hint === null && reason === "QUOTA_EXHAUSTED") void lookUp(opened, target.model);
    if (met && hint === null) evidence.refused(failure, met, opened !== undefined);
    return cooldowns.get(key);
  }

  // The API itself may know when a quota is full again: once for each window, and never in the way of a request (A16).
  async function lookUp(opened: Cooldown, model: string): Promise<void> {
    const { key } = opened;
    if (key.credential === ANY || !config.upstreams.get(key.upstream)!.quota) return;
    const resetAt = await rooms.quotas.resetOf(key, model);
    if (resetAt === undefined) return;
    const now = clock.now();
    const { wait } = clampHint(resetAt - now, { ...limits, hintMultiplier: 1 });
    const restated = cooldowns.restate(opened, now + wait, now);
    if (!restated) return;
    changed(restated);
    if (hooks.has("cooldown")) hooks.emit("cooldown", toCooldownStatus(restated, now, false));
  }

  function closeKey(key: Key, reason: Reason): void {
    const ladder = (incidents: number): number => ladderWait(reason, incidents, limits);
    const now = clock.now();
    const opened = cooldowns.refuse({ key, reason, hint: null, ladder, sentAt: now }, now);
    if (opened) changed(opened);
  }

  function openKey(key: Key): void {
    const cleared = cooldowns.clear(key, clock.now());
    if (cleared) changed(cleared);
  }

  function announce(opened: Cooldown, { evidence }: Verdict): void {
    const { key, reason, until, stated } = opened;
    const now = clock.now();
    changed(opened);
    if (hooks.has("cooldown")) hooks.emit("cooldown", toCooldownStatus(opened, now, false));
    const who =
      key.credential === ANY ? `upstream ${key.upstream}` : `credential ${key.credential}`;
    const what = key.family === ANY ? "" : ` for ${key.family}`;
    reporter.warn(
      `${who}${what} cools down for ${toWaitText(until - now, now)}: ${reason} (${evidence}, ${stated ? "stated" : "our choice"})${reason === "NOT_FOUND" ? NO_MODEL : ""}`,
    );
  }

  function changed(cooldown: Cooldown): void {
    pools.get(cooldown.key.upstream)?.changed(cooldown.key, clock.now());
    state.putCooldown(cooldown);
  }

  function disable(
    { credential, target, verdict }: Failure,
    cause: "auth" | "forbidden" | "exhausted",
  ): void {
    if (health.get(credential)) return;
    if (cause !== "exhausted" && !disabling.has(verdict.reason)) {
      reporter.warn(
        `credential ${credential} on upstream ${target.upstream} was refused (${verdict.reason}, ${verdict.evidence}) and stays enabled: \`limits.disableOn\` does not list ${verdict.reason}`,
      );
      return;
    }
    const reason = `${verdict.reason} (${verdict.evidence})`;
    const mark = { cause, reason, at: clock.now() };
    health.disable(credential, mark);
    reporter.warn(describeDisabled(credential, target.upstream, mark));
  }

  function forbidden(failure: Failure): Cooldown | undefined {
    const { verdict, credential, requestId } = failure;
    if (verdict.scope === "model") return close(failure);
    if (verdict.scope !== "credential") return undefined;
    if (VERIFICATION.test(verdict.evidence)) {
      if (failure.link) links.set(credential, failure.link);
      return close(failure);
    }
    if (verdict.disables || health.refusedBarely(credential, requestId))
      disable(failure, "forbidden");
    return undefined;
  }

  return {
    apply(failure) {
      const { verdict, credential, target } = failure;
      if (isOfOneModel(verdict) && !isAlone(target)) return undefined;
      if (CLOSING.has(verdict.reason)) return close(failure);
      if (verdict.reason === "TOKEN_EXHAUSTED") disable(failure, "exhausted");
      if (verdict.reason === "UNAUTHENTICATED" && !auth.isRenewable(credential))
        disable(failure, "auth");
      return verdict.reason === "FORBIDDEN" ? forbidden(failure) : undefined;
    },
    succeeded(success) {
      const { credential, target, sentAt, also } = success;
      health.succeeded(credential);
      links.delete(credential);
      const now = clock.now();
      const own: Key = {
        credential,
        upstream: target.upstream,
        pool: target.pool,
        family: target.family,
      };
      for (const key of [own, ...also]) {
        const cleared = cooldowns.succeed(key, sentAt, now);
        if (cleared) changed(cleared);
      }
      evidence.served(success);
    },
    revertForbidden(credentials) {
      for (const credential of credentials) {
        health.succeeded(credential);
        if (health.get(credential)?.cause === "forbidden" && health.enable(credential, clock.now()))
          reporter.info(
            `credential ${credential} is enabled again: several credentials were refused for the same request`,
          );
      }
    },
    verificationLinkOf: (credential) => links.get(credential),
    clear: openKey,
  };
}

/** Tells whether a credential has no right to a model, or there is none: that is no limit which a family could share. */
function isOfOneModel({ reason, scope, noAccess }: Verdict): boolean {
  return (
    scope === "model" && (reason === "NOT_FOUND" || reason === "FORBIDDEN" || noAccess === true)
  );
}

/** Tells whether a target's family is its model alone. A name made up by a client must not close its neighbours. */
function isAlone({ model, family }: Target): boolean {
  return family === model.toLowerCase();
}

/** The narrowest key that a verdict's scope names; `undefined` where it names none of ours. */
function keyOf(
  { scope }: Verdict,
  credential: string,
  { upstream, pool, family }: Target,
): Key | undefined {
  switch (scope) {
    case "model":
      return { credential, upstream, pool, family };
    case "credential":
      return { credential, upstream, pool: ANY, family: ANY };
    case "upstream-model":
      return { credential: ANY, upstream, pool, family };
    case "upstream":
      return { credential: ANY, upstream, pool: ANY, family: ANY };
    default:
      return undefined;
  }
}
