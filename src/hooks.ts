// What can be listened to. Listeners only listen: what they throw is logged and harms nothing (J8).
import type { EndReason } from "./contract/end.ts";
import type { Key } from "./contract/credential.ts";
import type { RouteDecision } from "./contract/route.ts";
import type { Log } from "./contract/log.ts";
import type { Usage, UsageStatus } from "./contract/dialect.ts";
import type { Reason, Scope, Verdict } from "./contract/verdict.ts";
import { createHooks } from "hookable";
import { describeFault } from "./observe/fault.ts";

/** One upstream call has ended. */
export interface AttemptEvent {
  requestId: string;
  /** Number of the attempt in its request, from 1. */
  attempt: number;
  credential: string;
  upstream: string;
  model: string;
  /** Status the upstream gave; `undefined` where no answer came. */
  status: number | undefined;
  /** What a failure meant; `undefined` after success. */
  verdict: Verdict | undefined;
  /** From sending to the end of the attempt, ms. */
  duration: number;
}

/** A key is closed until `until`. */
export interface CooldownEvent {
  key: Key;
  reason: Reason;
  scope: Scope;
  /** UTC epoch ms. */
  until: number;
  /** True where the upstream stated the wait. */
  stated: boolean;
  /** Which incident on its ladder. */
  incidents: number;
}

/** A request goes on with another credential. */
export interface RotationEvent {
  requestId: string;
  from: string;
  to: string;
  reason: Reason;
}

/** A request has looked at one place where it may go, for its next attempt (J4). */
export interface RouteEvent {
  requestId: string;
  /** Number of the attempt it is for, from 1. */
  attempt: number;
  decision: RouteDecision;
}

/** A token was refreshed, or could not be. */
export interface RefreshEvent {
  credential: string;
  ok: boolean;
  /** Why not: `REFUSED`, `TIMEOUT`, `NETWORK`, `INVALID_ANSWER`, … */
  code: string | undefined;
  /** ms */
  duration: number;
}

/** A credential was disabled or enabled. */
export interface CredentialEvent {
  credential: string;
  disabled: boolean;
  cause: string;
  reason: string;
}

/** An anonymous token was created, or could not be. */
export interface CreationEvent {
  /** Id of the acquirer. */
  acquirer: string;
  upstream: string;
  ok: boolean;
  /** `create` or `exchange`, where it failed. */
  step: string | undefined;
  /** Why it failed: a reason of docs/behaviour.md (`CREATE_LIMITED`), or `NETWORK`, `TIMEOUT`, `INVALID_ANSWER`, `FAILED`. */
  code: string | undefined;
  /** From asking for the right to create to the end, ms. */
  duration: number;
}

/** A request is over. Comes exactly once for each. */
export interface EndEvent {
  requestId: string;
  caller: string | undefined;
  reason: EndReason;
  /** Whether the client was still there. */
  clientPresent: boolean;
  /** Status sent to the client; `undefined` where it left before one was sent. */
  status: number | undefined;
  /** Our error code where the request failed. */
  error: string | undefined;
  upstream: string | undefined;
  model: string | undefined;
  credential: string | undefined;
  attempts: number;
  /** Body bytes sent to the client. */
  bytes: number;
  usage: Usage | undefined;
  usageStatus: UsageStatus;
  /** From the request's start to its end, and to its first payload, ms. */
  duration: number;
  firstPayloadAfter: number | undefined;
}

export interface RelayHooks {
  attempt: (event: AttemptEvent) => void;
  cooldown: (event: CooldownEvent) => void;
  rotation: (event: RotationEvent) => void;
  credential: (event: CredentialEvent) => void;
  creation: (event: CreationEvent) => void;
  route: (event: RouteEvent) => void;
  refresh: (event: RefreshEvent) => void;
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
