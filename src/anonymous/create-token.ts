// Creates one token within the limiter's time limit, and classifies a failure.
import type { Clock } from "../contract/clock.ts";
import type { AnonymousSource } from "../contract/anonymous-source.ts";
import type { FreshToken } from "../contract/token-source.ts";
import type { Reason, Verdict } from "../contract/verdict.ts";
import { TokenError, type TokenStep } from "../tokens/token-error.ts";
import { DIALECTS } from "../dialects/builtin.ts";
import { CALL_TIME } from "./creation-window.ts";
import { classify, classifyFault } from "../refusals/classify.ts";

/** Reasons that mean a limit and nothing else. */
export const LIMITED: ReadonlySet<Reason> = new Set<Reason>([
  "CREATE_LIMITED",
  "RATE_LIMIT_EXCEEDED",
]);

/** Runs a source's `create`. It is aborted after `CALL_TIME`, or by the function passed to `onStop`. Throws the source's error, or a `TokenError`. */
export async function createToken(
  { clock, fetch }: { clock: Clock; fetch: typeof globalThis.fetch },
  source: AnonymousSource,
  onStop: (stop: () => void) => void,
): Promise<FreshToken> {
  const controller = new AbortController();
  // A source that ignores its signal must not block the limiter.
  const late = new Promise<never>((_, reject) => {
    controller.signal.addEventListener("abort", () =>
      reject(new TokenError({ step: "create", code: "TIMEOUT" })),
    );
  });
  late.catch(() => {});
  const stop = (): void => controller.abort();
  const cancel = clock.after(CALL_TIME, stop);
  onStop(stop);
  try {
    const made = source.create({ fetch, clock, signal: controller.signal });
    return assertToken(await Promise.race([made, late]));
  } finally {
    cancel();
  }
}

// The result of an operator's function is validated.
function assertToken(token: FreshToken): FreshToken {
  if (typeof token?.accessToken !== "string" || !/^[\u0021-\u007e]+$/.test(token.accessToken))
    throw new TokenError({ step: "create", code: "INVALID_ANSWER", what: "accessToken" });
  return token;
}

/** Returns which step of a creation failed, and what that means for the next one. */
export function classifyFailure(error: unknown): {
  step: TokenStep;
  code: string;
  verdict: Verdict;
} {
  if (!(error instanceof TokenError))
    return { step: "create", code: "FAILED", verdict: classifyFault("closed") };
  const { step, code, retryAfter, refusal } = error;
  if (refusal) {
    const verdict = classify(refusal, DIALECTS["generic"]!);
    // In a 2xx response without a token the missing token counts, not the text, unless the text names a limit.
    const isClassified =
      code === "REFUSED" ? verdict.reason !== "UNKNOWN" : LIMITED.has(verdict.reason);
    return { step, code: isClassified ? verdict.reason : code, verdict };
  }
  if (code !== "CREATE_LIMITED") return { step, code, verdict: classifyFault("closed") };
  const limited: Verdict = {
    reason: code,
    scope: "acquirer",
    hint: retryAfter ?? null,
    action: "no",
    disables: false,
    evidence: "source",
  };
  return { step, code, verdict: limited };
}
