// The hooks. Listeners only observe: an exception in a listener is logged and has no other effect (J8).
import type { EndReason } from "../contract/end-reason.ts";
import type { RouteDecision } from "../contract/route-decision.ts";
import type { Log } from "../contract/log.ts";
import type { Usage, UsageStatus } from "../contract/dialect.ts";
import type { CooldownStatus } from "../contract/relay-status.ts";
import type { Reason, Verdict } from "../contract/verdict.ts";
import { createHooks } from "hookable";
import { describeFault } from "../shared/describe-error.ts";

/** Event: one upstream call has ended. */
export interface AttemptEvent {
  /** Id of the request, as in the header `x-relay-request-id`. */
  requestId: string;
  /** Number of the attempt within the request, from 1. */
  attempt: number;
  /** Id of the credential. */
  credential: string;
  /** Name of the upstream. */
  upstream: string;
  /** Model name as the upstream knows it; `"*"` where the request names none. */
  model: string;
  /** HTTP status of the upstream's response; `undefined` where there was none. */
  status: number | undefined;
  /** Verdict on a failure; `undefined` after success. */
  verdict: Verdict | undefined;
  /** From sending to the end of the attempt, in ms. */
  duration: number;
}

/** Event: a cooldown began, or its end was changed. The same object as in the status. */
export type CooldownEvent = CooldownStatus;

/** Event: a request continues with another credential. */
export interface RotationEvent {
  /** Id of the request. */
  requestId: string;
  /** Id of the credential that failed. */
  from: string;
  /** Id of the credential that is tried next. */
  to: string;
  /** Why the first credential failed. */
  reason: Reason;
}

/** Event: a request has examined one target for its next attempt (J4). */
export interface RouteEvent {
  /** Id of the request. */
  requestId: string;
  /** Number of the attempt that it is for, from 1. */
  attempt: number;
  /** The candidates that were examined, and the one that was selected. */
  decision: RouteDecision;
}

/** Event: a token was refreshed, or the refresh failed. */
export interface RefreshEvent {
  /** Id of the credential. */
  credential: string;
  /** True after success. */
  ok: boolean;
  /** Why the refresh failed: `REFUSED`, `TIMEOUT`, `NETWORK`, `INVALID_ANSWER`, …; `undefined` after success. */
  code: string | undefined;
  /** Duration of the refresh, in ms. */
  duration: number;
}

/** Event: a credential was disabled or enabled. */
export interface CredentialEvent {
  /** Id of the credential. */
  credential: string;
  /** True when it is now disabled. */
  disabled: boolean;
  /** `auth`, `forbidden`, `operator`, `exhausted` or `relogin`; `""` where it was enabled. */
  cause: string;
  /** The reason as text; `""` where it was enabled. */
  reason: string;
}

/** Event: an anonymous token was created, or the creation failed. */
export interface CreationEvent {
  /** Id of the acquirer. */
  acquirer: string;
  /** Name of the upstream. */
  upstream: string;
  /** True after success. */
  ok: boolean;
  /** Step that failed, `create` or `exchange`; `undefined` after success. */
  step: string | undefined;
  /**
   * Why it failed: a reason of docs/behaviour.md (`CREATE_LIMITED`), or `NETWORK`, `TIMEOUT`, `INVALID_ANSWER`, `FAILED`; `undefined` after
   * success.
   */
  code: string | undefined;
  /** From the request for a creation slot to the end, in ms. */
  duration: number;
}

/** Event: a request has ended. Emitted exactly once per request. */
export interface EndEvent {
  /** Id of the request, as in the header `x-relay-request-id`. */
  requestId: string;
  /** Caller id that `authorize` returned; `undefined` where there is none. */
  caller: string | undefined;
  /** Why the request ended. */
  reason: EndReason;
  /** True when the client was still connected. */
  clientPresent: boolean;
  /** HTTP status sent to the client; `undefined` where the client left before one was sent. */
  status: number | undefined;
  /** The relay's error code, where the request failed. */
  error: string | undefined;
  /** Name of the upstream that was called last; `undefined` where none was selected. */
  upstream: string | undefined;
  /** Model of the last attempt; `"*"` where the request names none, `undefined` where none was selected. */
  model: string | undefined;
  /** Id of the credential that was tried last; `undefined` where none was. */
  credential: string | undefined;
  /** Number of upstream calls. */
  attempts: number;
  /** Body sent to the client, in bytes. */
  bytes: number;
  /** Token counts as the upstream reported them, in tokens; `undefined` where it did not. */
  usage: Usage | undefined;
  /** `reported`: for the complete response; `partial`: for a response that ended early; `none`. */
  usageStatus: UsageStatus;
  /** Duration of the request, in ms. */
  duration: number;
  /** From the start of the request to the first byte of a response, in ms; `undefined` where none was sent. */
  firstPayloadAfter: number | undefined;
}

/** All hooks with their events. */
export interface RelayHooks {
  /** One upstream call has ended. */
  attempt: (event: AttemptEvent) => void;
  /** A cooldown began, or its end was changed. */
  cooldown: (event: CooldownEvent) => void;
  /** A request continues with another credential. */
  rotation: (event: RotationEvent) => void;
  /** A credential was disabled or enabled. */
  credential: (event: CredentialEvent) => void;
  /** An anonymous token was created, or the creation failed. */
  creation: (event: CreationEvent) => void;
  /** A request has examined one target. */
  route: (event: RouteEvent) => void;
  /** A token was refreshed, or the refresh failed. */
  refresh: (event: RefreshEvent) => void;
  /** A request has ended; exactly once per request. */
  end: (event: EndEvent) => void;
}

export type HookName = keyof RelayHooks;
export type HookHandlers = {
  [Name in HookName]?: (event: Parameters<RelayHooks[Name]>[0]) => unknown;
};

export interface Hooks {
  /** Adds a listener and returns a function that removes it. */
  on<Name extends HookName>(name: Name, listener: NonNullable<HookHandlers[Name]>): () => void;
  emit<Name extends HookName>(name: Name, event: Parameters<RelayHooks[Name]>[0]): void;
  /** True where a listener exists; without one, no event need be created. */
  has(name: HookName): boolean;
}

/** Calls the listeners. A listener that throws or rejects is reported by a warning, as often as `log` allows. */
export function createRelayHooks(handlers: HookHandlers, log: Pick<Log, "warn">): Hooks {
  const hooks = createHooks<RelayHooks>();
  const listening: Record<string, number> = {};
  const complain = (name: string, error: unknown): void =>
    log.warn(`a listener of the hook "${name}" failed: ${describeFault(error)}`);

  function on<Name extends HookName>(
    name: Name,
    listener: NonNullable<HookHandlers[Name]>,
  ): () => void {
    listening[name] = (listening[name] ?? 0) + 1;
    // Each listener is guarded separately: one that throws must not prevent the next.
    const guarded = (async (event: never) => {
      try {
        await (listener as (event: never) => unknown)(event);
      } catch (error) {
        complain(name, error);
      }
    }) as unknown as RelayHooks[Name];
    const remove = hooks.hook(name, guarded as never);
    let isListening = true;
    return () => {
      if (!isListening) return;
      isListening = false;
      listening[name]!--;
      remove();
    };
  }

  for (const [name, handler] of Object.entries(handlers)) {
    if (handler) on(name as HookName, handler as never);
  }
  return {
    on,
    has: (name) => (listening[name] ?? 0) > 0,
    emit(name, event) {
      if (listening[name]) void hooks.callHookParallel(name, ...([event] as never));
    },
  };
}
