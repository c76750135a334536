// Making one token within the time that the limiter counts with, and what it means when that fails.
import type { Clock } from "../contract/clock.ts";
import type { AnonymousSource } from "../contract/anonymous-source.ts";
import type { FreshToken } from "../contract/token-source.ts";
import type { Reason, Verdict } from "../contract/verdict.ts";
import { TokenError, type TokenStep } from "../tokens/token-error.ts";
import { DIALECTS } from "../dialects/builtin.ts";
import { CALL_TIME } from "./creation-window.ts";
import { classify, classifyFault } from "../refusals/classify.ts";

/** Reasons that speak of a limit and of nothing else. */
export const LIMITED: ReadonlySet<Reason> = new Set<Reason>([
  "CREATE_LIMITED",
  "RATE_LIMIT_EXCEEDED",
]);

/** Runs a source's `create`; given up after `CALL_TIME`, or by what `onStop` is handed. Throws what the source throws, or a `TokenError`. */
export async function createToken(
  { clock, fetch }: { clock: Clock; fetch: typeof globalThis.fetch },
  source: AnonymousSource,
  onStop: (stop: () => void) => void,
): Promise<FreshToken> {
  const controller = new AbortController();
  // A source that does not look at its signal must not hold the limiter.
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
    return checked(await Promise.race([made, late]));
  } finally {
    cancel();
  }
}

// What a function of the operator's gives is believed where it is a token.
function checked(token: FreshToken): FreshToken {
  if (typeof token?.accessToken !== "string" || !/^[\u0021-\u007e]+$/.test(token.accessToken))
    throw new TokenError({ step: "create", code: "INVALID_ANSWER", what: "accessToken" });
  return token;
}

/** Reads which step of a creation failed, and what that means for the next. */
export function judgeFailure(error: unknown): { step: TokenStep; code: string; verdict: Verdict } {
  if (!(error instanceof TokenError))
    return { step: "create", code: "FAILED", verdict: classifyFault("closed") };
  const { step, code, retryAfter, refusal } = error;
  if (refusal) {
    const verdict = classify(refusal, DIALECTS["generic"]!);
    // A good answer that lacks its token says more by that than by its words, unless these speak of a limit.
    const isSaid = code === "REFUSED" ? verdict.reason !== "UNKNOWN" : LIMITED.has(verdict.reason);
    return { step, code: isSaid ? verdict.reason : code, verdict };
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
