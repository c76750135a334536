// The event of the hook `end`.
import type { Hooks } from "../observe/hooks.ts";
import type { RequestContext, RequestOutcome } from "../request/request-context.ts";

/** Emits the end of a request. `now` is in UTC epoch ms. */
export function emitEnd(
  hooks: Pick<Hooks, "emit">,
  context: RequestContext,
  outcome: RequestOutcome,
  now: number,
): void {
  const { target, credential, delivery, startedAt } = context;
  hooks.emit("end", {
    requestId: context.id,
    caller: context.caller,
    reason: outcome.reason,
    clientPresent: !delivery.isClientGone,
    status: delivery.status,
    error: outcome.error,
    upstream: target?.upstream,
    model: target?.model,
    credential: credential?.id,
    attempts: context.attempts,
    bytes: delivery.bytes,
    usage: context.usage,
    usageStatus: context.usageStatus,
    duration: now - startedAt,
    firstPayloadAfter:
      delivery.firstPayloadAt === undefined ? undefined : delivery.firstPayloadAt - startedAt,
  });
}
