// What a failed attempt means: the verdict on its refusal or its fault.
import type { LastAttempt } from "../contract/last-attempt.ts";
import type { AttemptFault } from "../contract/transport.ts";
import type { Refusal } from "../contract/verdict.ts";
import { classify, classifyFault } from "../refusals/classify.ts";
import { classifyByRules } from "../refusals/operator-rules.ts";
import { hideURLUser } from "../observe/secret-directory.ts";
import type { SentSecrets } from "../observe/sent-secrets.ts";
import { ANY_MODEL } from "../routing/planner.ts";
import type { ReplyResult } from "../stream/reply.ts";
import type { Timeouts } from "../stream/upstream-timeouts.ts";
import type { AttemptServices } from "./attempt-services.ts";
import type { Selection } from "./attempt-state.ts";
import type { RequestPlan } from "./request-plan.ts";
import { wallTime } from "../shared/times.ts";

/** Bytes of a refusal that are classified. */
const CLASSIFIED_SIZE = 65_536;

/** An attempt that was refused, or brought no whole answer. */
export type FailedResult = Extract<ReplyResult, { kind: "refused" | "failed" }>;

/** Classifies a failed attempt. The operator's rules come before the relay's own reading. */
export function classifyAttempt(
  { clock, config, quotas }: Pick<AttemptServices, "clock" | "config" | "quotas">,
  { context, target }: RequestPlan,
  { credential }: Selection,
  result: FailedResult,
): LastAttempt {
  if (result.kind === "failed")
    return {
      verdict: classifyFault(result.fault),
      status: undefined,
      fault: result.fault,
      cause: result.code,
      limit: limitOf(result.fault, config.streaming),
      answer: undefined,
    };
  const { status, headers, body, inStream } = result;
  quotas.readHeaders((name) => headers.get(name), credential, target);
  const refusal: Refusal = {
    status,
    header: (name) => headers.get(name) ?? undefined,
    body: new TextDecoder().decode(body.subarray(0, CLASSIFIED_SIZE)),
    endpoint: "ai",
    inStream,
    model: target.model === ANY_MODEL ? undefined : target.model,
    receivedAt: wallTime(clock),
  };
  const answer = { status, headers, body, inStream };
  const verdict =
    classifyByRules(config.limits.rules ?? [], refusal, target.upstream) ??
    classify(refusal, target.dialect);
  // A code of the upstream may be a key: what is not hidden here would be in logs, hooks, the status and the store.
  const evidence = context.sent?.hide(verdict.evidence) ?? verdict.evidence;
  if (evidence !== verdict.evidence) Object.assign(verdict, { evidence });
  return { verdict, status, fault: undefined, cause: undefined, limit: undefined, answer };
}

/** Finds the address at which an owner must verify a credential (E7); `undefined` if the refusal names none. */
export function verificationLinkIn(
  { verdict, answer }: LastAttempt,
  sent: SentSecrets | undefined,
): string | undefined {
  if (verdict.reason !== "FORBIDDEN" || !answer) return undefined;
  const [link] = /https:\/\/[^\s"'<>\\]{1,500}/.exec(new TextDecoder().decode(answer.body)) ?? [];
  return link && hideURLUser(sent?.hide(link) ?? link);
}

/** The timeout that has passed, in ms. */
function limitOf(
  fault: AttemptFault,
  { connectTimeout, firstByteTimeout, idleTimeout }: Timeouts,
): number | undefined {
  if (fault === "connect-timeout") return Math.min(connectTimeout, firstByteTimeout);
  if (fault === "timeout") return firstByteTimeout;
  return fault === "idle-timeout" ? idleTimeout : undefined;
}
