// What each reason of a verdict means, in one table. Every module that treats reasons differently reads it here.
import type { Action, Reason, Scope } from "../contract/verdict.ts";

/** How a reason is treated. */
export interface ReasonPolicy {
  /** What a refusal for this reason concerns, if the answer does not say otherwise. */
  scope: Scope;
  /** What the request may try next, if the scope does not forbid it. */
  action: Action;
  /**
   * What the retry policy does next: `same` credential at once, `any` credential after a pause, the same one after `capacity`
   * has returned, `other` credential at once, or what follows from a `limit`.
   */
  step: "same" | "any" | "capacity" | "other" | "limit";
  /** Opens a cooldown (D7). The others are about the request, the network or the server. */
  closes: boolean;
  /** Cooldowns in ms at the 1st, 2nd, … incident if the answer states no wait; the last one repeats. Empty: those of `UNKNOWN`. */
  backoff: readonly number[];
  /** A further incident moves to the next wait of `backoff` (C7, H3). */
  climbs: boolean;
  /** Ends when a window ends: the reset time of a window counts as its wait. */
  windowed: boolean;
  /** A wait that the answer states is ignored. */
  waitless: boolean;
  /** Counts against the endpoint's circuit breaker (F2). */
  endpointFault: boolean;
  /** Its retries are limited by the retry budget of all requests (E14). */
  budgeted: boolean;
  /** Another model or quota pool may not share it: the request may fall back (D8, D9). */
  fallback: boolean;
  /** Without a stated wait, a second credential's refusal may show that the credential is not the cause (D11). */
  weighed: boolean;
  /** The client receives the upstream's own answer, because only the client can correct its request (E5). */
  clientsOwn: boolean;
  /** A field that the upstream does not know may be the cause (I17). */
  unknownField: boolean;
  /** An operator's rule may name it (B11). */
  ruleable: boolean;
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

/** All that is the same for most reasons. */
const COMMON = {
  step: "limit",
  closes: false,
  backoff: [],
  climbs: false,
  windowed: false,
  waitless: false,
  endpointFault: false,
  budgeted: false,
  fallback: false,
  weighed: false,
  clientsOwn: false,
  unknownField: false,
  ruleable: true,
} satisfies Partial<ReasonPolicy>;

export const REASONS: Readonly<Record<Reason, Readonly<ReasonPolicy>>> = {
  QUOTA_EXHAUSTED: {
    ...COMMON,
    scope: "model",
    action: "other-credential",
    closes: true,
    backoff: [MINUTE, 5 * MINUTE, 30 * MINUTE, 120 * MINUTE],
    climbs: true,
    windowed: true,
    fallback: true,
    weighed: true,
  },
  RATE_LIMIT_EXCEEDED: {
    ...COMMON,
    scope: "model",
    action: "other-credential",
    closes: true,
    backoff: [30 * SECOND],
    windowed: true,
    fallback: true,
    weighed: true,
  },
  MODEL_CAPACITY_EXHAUSTED: {
    ...COMMON,
    scope: "upstream-model",
    action: "same-later",
    step: "capacity",
    closes: true,
    backoff: [15 * SECOND],
    budgeted: true,
    fallback: true,
  },
  SERVER_ERROR: {
    ...COMMON,
    scope: "none",
    action: "same-later",
    step: "any",
    backoff: [20 * SECOND],
    endpointFault: true,
    budgeted: true,
    fallback: true,
    unknownField: true,
  },
  UNKNOWN: {
    ...COMMON,
    scope: "model",
    action: "other-credential",
    closes: true,
    backoff: [MINUTE],
    weighed: true,
    clientsOwn: true,
    unknownField: true,
  },
  TOKEN_EXHAUSTED: {
    ...COMMON,
    scope: "credential",
    action: "other-credential",
    ruleable: false,
  },
  CREATE_LIMITED: {
    ...COMMON,
    scope: "acquirer",
    action: "no",
    climbs: true,
    windowed: true,
    ruleable: false,
  },
  UNAUTHENTICATED: {
    ...COMMON,
    scope: "credential",
    action: "refresh-then-same",
    step: "other",
    backoff: [10 * MINUTE],
    waitless: true,
    fallback: true,
  },
  FORBIDDEN: {
    ...COMMON,
    scope: "credential",
    action: "other-credential",
    step: "other",
    backoff: [10 * MINUTE],
    clientsOwn: true,
  },
  BILLING: {
    ...COMMON,
    scope: "credential",
    action: "other-credential",
    closes: true,
    backoff: [10 * MINUTE],
    fallback: true,
    weighed: true,
  },
  INVALID_REQUEST: {
    ...COMMON,
    scope: "request",
    action: "no",
    waitless: true,
    clientsOwn: true,
    unknownField: true,
  },
  NOT_FOUND: {
    ...COMMON,
    scope: "model",
    action: "other-credential",
    closes: true,
    waitless: true,
    fallback: true,
    clientsOwn: true,
    unknownField: true,
  },
  TIMEOUT: {
    ...COMMON,
    scope: "none",
    action: "same-later",
    step: "any",
    endpointFault: true,
    budgeted: true,
    fallback: true,
    ruleable: false,
  },
  NETWORK: {
    ...COMMON,
    scope: "none",
    action: "same-later",
    step: "same",
    endpointFault: true,
    budgeted: true,
    fallback: true,
    ruleable: false,
  },
  ABORTED: { ...COMMON, scope: "none", action: "no", ruleable: false },
  EMPTY: {
    ...COMMON,
    scope: "none",
    action: "same-later",
    step: "any",
    budgeted: true,
    fallback: true,
    ruleable: false,
  },
};

/** True for the name of a reason. */
export function isReason(name: unknown): name is Reason {
  return typeof name === "string" && Object.hasOwn(REASONS, name);
}
