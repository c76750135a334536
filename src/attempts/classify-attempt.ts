// What a failed attempt means: the verdict on its refusal or its fault.
import type { LastAttempt } from "../contract/last-attempt.ts";
import type { Target } from "../contract/target.ts";
import type { AttemptFault } from "../contract/transport.ts";
import type { Refusal } from "../contract/verdict.ts";
import { classify, classifyFault } from "../refusals/classify.ts";
import { classifyByRules } from "../refusals/operator-rules.ts";
import { hideURLUser } from "../observe/secret-directory.ts";
import type { SentSecrets } from "../observe/sent-secrets.ts";
import { ANY_MODEL } from "../routing/planner.ts";
import type { ReplyResult } from "../stream/reply.ts";
import { isSilence } from "../stream/reply-result.ts";
import { limitBehind, type Timeouts } from "../stream/upstream-timeouts.ts";
import type { AttemptServices } from "./attempt-services.ts";
import type { Selection } from "./attempt-state.ts";
import type { RequestPlan } from "./request-plan.ts";
import { wallTime } from "../shared/times.ts";

/** A call that was lost or cut later than this after sending, in ms, is not repeated. */
const PAID_AFTER = 60_000;
/** Bytes of a refusal that are classified. */
const CLASSIFIED_SIZE = 65_536;

/** An attempt that was refused, or brought no whole answer. */
export type FailedResult = Extract<ReplyResult, { kind: "refused" | "failed" }>;

/** Classifies a failed attempt. The operator's rules come before the relay's own reading. */
export function classifyAttempt(
  { clock, config, quotas }: Pick<AttemptServices, "clock" | "config" | "quotas">,
  plan: RequestPlan,
  selection: Selection,
  result: FailedResult,
): LastAttempt {
  const { target } = plan;
  const { credential, sentAt } = selection;
  if (result.kind === "failed")
    return classifyFailure(plan, config.streaming, result, clock.now() - sentAt);
  const { status, headers, body, inStream } = result;
  quotas.readHeaders((name) => headers.get(name), credential, target);
  const refusal: Refusal = {
    status,
    header: (name) => headers.get(name) ?? undefined,
    body: new TextDecoder().decode(body.subarray(0, CLASSIFIED_SIZE)),
    endpoint: "ai",
    inStream,
    model: target.model === ANY_MODEL ? undefined : target.model,
    isAuxiliary: target.auxiliary !== undefined,
    receivedAt: wallTime(clock),
  };
  const answer = { status, headers, body, inStream };
  const verdict =
    classifyByRules(config.limits.rules ?? [], refusal, target.upstream) ??
    classify(refusal, target.dialect);
  // A code of the upstream may be a key: what is not hidden here would be in logs, hooks, the status and the store.
  const evidence = plan.context.sent?.hide(verdict.evidence) ?? verdict.evidence;
  if (evidence !== verdict.evidence) Object.assign(verdict, { evidence });
  return {
    verdict,
    status,
    fault: undefined,
    cause: undefined,
    limit: undefined,
    option: undefined,
    answer,
  };
}

/** True for a text under a 200, in place of an answer, that is understood as a refusal. */
export function isRefusalText(text: string, { dialect }: Target): boolean {
  const body = text.slice(0, CLASSIFIED_SIZE);
  const refusal = { status: 200, header: () => undefined, body, inStream: true } as const;
  return classify({ ...refusal, endpoint: "ai", receivedAt: 0 }, dialect).reason !== "UNKNOWN";
}

/** Classifies an attempt without an answer, `after` ms after it was sent. */
function classifyFailure(
  { target, asked }: RequestPlan,
  timeouts: Timeouts,
  { fault, code }: Extract<FailedResult, { kind: "failed" }>,
  after: number,
): LastAttempt {
  const { dialect } = target;
  const call = { dialect, wantsStream: dialect.wantsStream(asked), timeouts };
  const behind = isSilence(fault) ? limitBehind(fault, call) : undefined;
  const verdict = classifyFault(fault);
  return {
    verdict: mayBePaid(fault, after) ? { ...verdict, action: "no" } : verdict,
    status: undefined,
    fault,
    cause: code,
    limit: behind?.limit,
    option: behind?.option,
    answer: undefined,
  };
}

/** Work that the upstream may have done and charged is not asked for twice (E18). */
function mayBePaid(fault: AttemptFault, after: number): boolean {
  const isOurs = fault === "closed" || (isSilence(fault) && fault !== "connect-timeout");
  return isOurs && after > PAID_AFTER;
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
