// What can be listened to. Listeners only listen: what they throw is logged and harms nothing (J8).
import type { EndReason } from "../contract/end-reason.ts";
import type { RouteDecision } from "../contract/route-decision.ts";
import type { Log } from "../contract/log.ts";
import type { Usage, UsageStatus } from "../contract/dialect.ts";
import type { CooldownStatus } from "../contract/relay-status.ts";
import type { Reason, Verdict } from "../contract/verdict.ts";
import { createHooks } from "hookable";
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
  /** As the upstream knows it; `"*"` where the request names none. */
  model: string;
  /** HTTP status of the upstream's answer; `undefined` where none came. */
  status: number | undefined;
  /** What a failure meant; `undefined` after success. */
  verdict: Verdict | undefined;
  /** What the request does now. */
  next: NextStep;
  /** From sending to the end of the attempt, ms. */
  duration: number;
}

/**
 * What a request does after an attempt: `end`: it is over; `same-credential`, `other-credential`: it tries again;
 * `other-target`: it falls back to the next quota pool or model.
 */
export type NextStep = "end" | "same-credential" | "other-credential" | "other-target";

/** A key was closed, or its end was stated anew. The same object as in the status. */
export type CooldownEvent = CooldownStatus;

/** A request goes on with another credential. */
export interface RotationEvent {
  /** Id of the request. */
  requestId: string;
  /** Id of the credential that failed. */
  from: string;
  /** Id of the credential that is tried next. */
  to: string;
  /** What the failure was. */
  reason: Reason;
}

/** A request has looked at one place where it may go, for its next attempt (J4). */
export interface RouteEvent {
  /** Id of the request. */
  requestId: string;
  /** Number of the attempt it is for, from 1. */
  attempt: number;
  /** What was looked at and what was chosen. */
  decision: RouteDecision;
}

/** A token was refreshed, or could not be. */
export interface RefreshEvent {
  /** Id of the credential. */
  credential: string;
  /** True where a new token came. */
  ok: boolean;
  /** Why none came: `REFUSED`, `TIMEOUT`, `NETWORK`, `INVALID_ANSWER`, …; `undefined` after success. */
  code: string | undefined;
  /** From its start to its end, ms. */
  duration: number;
}

/** A credential was disabled or enabled. */
export interface CredentialEvent {
  /** Its id. */
  credential: string;
  /** True where it is out of use now. */
  disabled: boolean;
  /** `auth`, `forbidden`, `operator`, `exhausted` or `relogin`; `""` where it was enabled. */
  cause: string;
  /** What was said, for people; `""` where it was enabled. */
  reason: string;
}

/** An anonymous token was created, or could not be. */
export interface CreationEvent {
  /** Id of the acquirer. */
  acquirer: string;
  /** Name of the upstream. */
  upstream: string;
  /** True where a token came. */
  ok: boolean;
  /** Which step failed, `create` or `exchange`; `undefined` after success. */
  step: string | undefined;
  /**
   * Why it failed: a reason of docs/behaviour.md (`CREATE_LIMITED`), or `NETWORK`, `TIMEOUT`, `INVALID_ANSWER`, `FAILED`;
   * `undefined` after success.
   */
  code: string | undefined;
  /** From asking for the right to create to the end, ms. */
  duration: number;
}

/** A request is over. Comes exactly once for each. */
export interface EndEvent {
  /** Id of the request, as in the header `x-relay-request-id`. */
  requestId: string;
  /** Id that `authorize` gave; `undefined` where there is none. */
  caller: string | undefined;
  /** Why it ended. */
  reason: EndReason;
  /** True where the client was still there. */
  clientPresent: boolean;
  /** HTTP status sent to the client; `undefined` where it left before one was sent. */
  status: number | undefined;
  /** The relay's error code where the request failed. */
  error: string | undefined;
  /** Name of the upstream that was called last; `undefined` where none was chosen. */
  upstream: string | undefined;
  /** Model that was asked for last; `"*"` where the request names none, `undefined` where none was chosen. */
  model: string | undefined;
  /** Id of the credential that was tried last; `undefined` where none was. */
  credential: string | undefined;
  /** Number of upstream calls. */
  attempts: number;
  /** Body bytes sent to the client. */
  bytes: number;
  /** Token counts, as the upstream reported them; `undefined` where it did not. */
  usage: Usage | undefined;
  /** `reported`: of the whole answer; `partial`: of one that did not come to its end; `none`. */
  usageStatus: UsageStatus;
  /** From the request's start to its end, ms. */
  duration: number;
  /** From the request's start to the first byte of an answer, ms; `undefined` where none was sent. */
  firstPayloadAfter: number | undefined;
}

/** Every hook, with its event. */
export interface RelayHooks {
  /** One upstream call has ended. */
  attempt: (event: AttemptEvent) => void;
  /** A key was closed, or its end was stated anew. */
  cooldown: (event: CooldownEvent) => void;
  /** A request goes on with another credential. */
  rotation: (event: RotationEvent) => void;
  /** A credential was disabled or enabled. */
  credential: (event: CredentialEvent) => void;
  /** An anonymous token was created, or could not be. */
  creation: (event: CreationEvent) => void;
  /** A request has looked at one place where it may go. */
  route: (event: RouteEvent) => void;
  /** A token was refreshed, or could not be. */
  refresh: (event: RefreshEvent) => void;
  /** A request is over; exactly once for each. */
  end: (event: EndEvent) => void;
}

export type HookName = keyof RelayHooks;
export type HookHandlers = {
  [Name in HookName]?: (event: Parameters<RelayHooks[Name]>[0]) => unknown;
};

export interface Hooks {
  /** Adds a listener and returns what takes it away. */
  on<Name extends HookName>(name: Name, listener: NonNullable<HookHandlers[Name]>): () => void;
  emit<Name extends HookName>(name: Name, event: Parameters<RelayHooks[Name]>[0]): void;
  /** True where somebody listens; spares the making of an event nobody wants. */
  has(name: HookName): boolean;
}

/** Collects listeners; a listener that throws or rejects costs a warning, as many as `log` lets through. */
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
    // Each listener is guarded by itself: one that throws must not silence the next.
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
