// The relay's hooks and their events. A listener cannot change an event; an error that it throws is logged and has no other effect (J8).
import type { EndReason } from "../contract/end-reason.ts";
import type { RouteDecision } from "../contract/route-decision.ts";
import type { Log } from "../contract/log.ts";
import type { Usage, UsageStatus } from "../contract/dialect.ts";
import type { CooldownStatus } from "../contract/relay-status.ts";
import type { Reason, Verdict } from "../contract/verdict.ts";
import type { SecretDirectory } from "./secret-directory.ts";
import { describeFault } from "../shared/describe-error.ts";

/** One upstream call has ended. */
export interface AttemptEvent {
  /** Id of its request, as in the header `x-relay-request-id`. */
  requestId: string;
  /** Number of the attempt in its request, from 1. */
  attempt: number;
  /** Id of the credential. */
  credential: string;
  /** Name of the upstream. */
  upstream: string;
  /** Model id sent to the upstream; `"*"` when the request names no model. */
  model: string;
  /** HTTP status of the upstream's answer; `undefined` without an answer. */
  status: number | undefined;
  /** Meaning of the failure; `undefined` after success. */
  verdict: Verdict | undefined;
  /** What the request does now. */
  next: NextStep;
  /** Time from sending the request to the end of the attempt, in ms. */
  duration: number;
}

/**
 * What a request does after an attempt: `end`: it has ended; `same-credential`, `other-credential`: it tries again;
 * `other-target`: it falls back to the next quota pool or model.
 */
export type NextStep = "end" | "same-credential" | "other-credential" | "other-target";

/** A cooldown began or its end changed. The same object as in `status()`. */
export type CooldownEvent = CooldownStatus;

/** A request continues with another credential. */
export interface RotationEvent {
  /** Id of the request. */
  requestId: string;
  /** Id of the credential that failed. */
  from: string;
  /** Id of the next credential. */
  to: string;
  /** Reason of the failure. */
  reason: Reason;
}

/** A request has evaluated one target for its next attempt (J4). */
export interface RouteEvent {
  /** Id of the request. */
  requestId: string;
  /** Number of that attempt, from 1. */
  attempt: number;
  /** The candidates and the choice. */
  decision: RouteDecision;
}

/** A token refresh has succeeded or failed. */
export interface RefreshEvent {
  /** Id of the credential. */
  credential: string;
  /** True when there is a new token. */
  ok: boolean;
  /** Why the refresh failed: `REFUSED`, `TIMEOUT`, `NETWORK`, `INVALID_ANSWER`, …; `undefined` after success. */
  code: string | undefined;
  /** Duration of the refresh, in ms. */
  duration: number;
}

/** A credential was disabled or enabled. */
export interface CredentialEvent {
  /** Id of the credential. */
  credential: string;
  /** True when it is disabled now. */
  disabled: boolean;
  /** `auth`, `forbidden`, `operator`, `exhausted` or `relogin`; `""` when it was enabled. */
  cause: string;
  /** Explanation for people; `""` when it was enabled. */
  reason: string;
}

/** The creation of an anonymous token has succeeded or failed. */
export interface CreationEvent {
  /** Id of the acquirer. */
  acquirer: string;
  /** Name of the upstream. */
  upstream: string;
  /** True when there is a token. */
  ok: boolean;
  /** The step that failed, `create` or `exchange`; `undefined` after success. */
  step: string | undefined;
  /**
   * Why it failed: a reason of docs/behaviour.md (`CREATE_LIMITED`), or `NETWORK`, `TIMEOUT`, `INVALID_ANSWER`, `FAILED`;
   * `undefined` after success.
   */
  code: string | undefined;
  /** Time from requesting permission to create to the end, in ms. */
  duration: number;
}

/** A request has ended. Emitted exactly once for each request. */
export interface EndEvent {
  /** Id of the request, as in the header `x-relay-request-id`. */
  requestId: string;
  /** Id returned by `authorize`; `undefined` without one. */
  caller: string | undefined;
  /** Why it ended. */
  reason: EndReason;
  /** True when the client was still connected. */
  clientPresent: boolean;
  /** HTTP status sent to the client; `undefined` when the client left before a status was sent. */
  status: number | undefined;
  /** The relay's error code when the request failed. */
  error: string | undefined;
  /** Name of the last upstream called; `undefined` when none was chosen. */
  upstream: string | undefined;
  /** Model of the last attempt; `"*"` when the request names no model, `undefined` when no target was chosen. */
  model: string | undefined;
  /** Id of the last credential tried; `undefined` when none was. */
  credential: string | undefined;
  /** Number of upstream calls . */
  attempts: number;
  /** Body bytes sent to the client. */
  bytes: number;
  /** Token counts (tokens) reported by the upstream; `undefined` when it reported none. */
  usage: Usage | undefined;
  /** `reported`: for the whole answer; `partial`: for an answer that was cut off; `none`. */
  usageStatus: UsageStatus;
  /** Time from the request's start to its end, in ms. */
  duration: number;
  /** Time from the request's start to the first byte of the answer, in ms; `undefined` when no byte was sent. */
  firstPayloadAfter: number | undefined;
}

/** All hooks and their events. */
export interface RelayHooks {
  /** One upstream call has ended. */
  attempt: (event: AttemptEvent) => void;
  /** A cooldown began or its end changed. */
  cooldown: (event: CooldownEvent) => void;
  /** A request continues with another credential. */
  rotation: (event: RotationEvent) => void;
  /** A credential was disabled or enabled. */
  credential: (event: CredentialEvent) => void;
  /** The creation of an anonymous token has succeeded or failed. */
  creation: (event: CreationEvent) => void;
  /** A request has evaluated one target. */
  route: (event: RouteEvent) => void;
  /** A token refresh has succeeded or failed. */
  refresh: (event: RefreshEvent) => void;
  /** A request has ended. Emitted exactly once for each request. */
  end: (event: EndEvent) => void;
}

export type HookName = keyof RelayHooks;
export type HookHandlers = {
  [Name in HookName]?: (event: Parameters<RelayHooks[Name]>[0]) => unknown;
};

export interface Hooks {
  /** Adds a listener; returns a function that removes it. */
  on<Name extends HookName>(name: Name, listener: NonNullable<HookHandlers[Name]>): () => void;
  /** Calls all listeners of a hook. Never throws. */
  emit<Name extends HookName>(name: Name, event: Parameters<RelayHooks[Name]>[0]): void;
  /** True when a hook has listeners; without one no event needs to be created. */
  has(name: HookName): boolean;
}

type Listener = (event: never) => unknown;

/**
 * Creates the hooks with the listeners of the options. A listener that throws or rejects costs a warning, as many as `log` allows,
 * and does not keep the next one from its event (J8).
 */
export function createRelayHooks(
  handlers: HookHandlers,
  log: Pick<Log, "warn">,
  secrets?: Pick<SecretDirectory, "redactorOf">,
): Hooks {
  // Replaced and never changed, so that a listener may remove itself during an event.
  const listeners = new Map<HookName, readonly Listener[]>();

  function on(name: HookName, listener: Listener): () => void {
    // Its own object: the same function may listen twice.
    const added: Listener = (event) => listener(event);
    listeners.set(name, [...(listeners.get(name) ?? []), added]);
    return () => {
      const left = listeners.get(name)!.filter((one) => one !== added);
      listeners.set(name, left);
    };
  }

  async function call(name: HookName, listener: Listener, event: unknown): Promise<void> {
    try {
      await listener(event as never);
    } catch (error) {
      log.warn(`a listener of the hook "${name}" failed: ${describeFault(error)}`);
    }
  }

  for (const [name, handler] of Object.entries(handlers))
    if (handler) on(name as HookName, handler as Listener);
  return {
    on,
    has: (name) => (listeners.get(name)?.length ?? 0) > 0,
    emit(name, event) {
      const heard = listeners.get(name);
      if (!heard || heard.length === 0) return;
      const shown = secrets ? withoutSecrets(name, event, secrets) : event;
      for (const listener of heard) void call(name, listener, shown);
    },
  };
}

/** Hides secrets in the events that may contain a text of an upstream or a source. The others consist of ids, names and numbers. */
function withoutSecrets<Name extends HookName>(
  name: Name,
  event: Parameters<RelayHooks[Name]>[0],
  secrets: Pick<SecretDirectory, "redactorOf">,
): Parameters<RelayHooks[Name]>[0] {
  const { credential, verdict, code, reason } = event as Partial<AttemptEvent & RefreshEvent> &
    Partial<CredentialEvent>;
  const hasText = name !== "cooldown" && name !== "rotation" && name !== "end" && name !== "route";
  if (!hasText || (!verdict && !code && !reason)) return event;
  return secrets.redactorOf(credential === undefined ? [] : [credential]).hideIn(event);
}
