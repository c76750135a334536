// The token provider: where tokens come from, and what the log and the hooks hear of refreshes.
import type { State } from "../contract/state.ts";
import type { TokenSource } from "../contract/token-source.ts";
import type { DisabledCredentials } from "../cooldowns/disabled-credentials.ts";
import { generic } from "../dialects/generic.ts";
import { describeDisabled } from "../observe/disabled-messages.ts";
import { describeRefreshFailure } from "../observe/refresh-failures.ts";
import type { RelayConfig } from "../options/resolve.ts";
import { classify } from "../refusals/classify.ts";
import { describeFault } from "../shared/describe-error.ts";
import { secondsUntil, toDurationText } from "../shared/times.ts";
import { fromFunction } from "../tokens/sources/function-source.ts";
import { TokenError } from "../tokens/token-error.ts";
import { TokenProvider } from "../tokens/token-provider.ts";
import type { Base } from "./base.ts";

export interface TokenDeps {
  state: Pick<State, "leases" | "tokens" | "health">;
  disabled: DisabledCredentials;
  fetch: typeof globalThis.fetch;
  /** The static key of a credential; `undefined` if it has none. */
  keyOf(credential: string): string | undefined;
  /** Name of the upstream that a credential belongs to. */
  upstreamOf(credential: string): string;
}

export function wireTokens(base: Base, deps: TokenDeps): TokenProvider {
  const { config, clock, reporter, hooks } = base;
  const { state, disabled, fetch, keyOf, upstreamOf } = deps;

  function logFailure(credential: string, error: unknown, code: string): void {
    const { lastError = code, retryAt } = tokens.status(credential) ?? {};
    // The line of a disabled credential has been logged, with its reason.
    if (disabled.get(credential)?.reason === lastError) return;
    const next =
      retryAt === undefined
        ? ""
        : `; next attempt in ${toDurationText(secondsUntil(retryAt, clock.now()) * 1_000)}`;
    reporter.warn(describeRefreshFailure(credential, lastError, causeOf(error, code), next));
  }

  const tokens = new TokenProvider({
    sources: sourcesOf(config),
    classify: (refusal) => classify(refusal, generic),
    isOnly: config.instances === 1 || config.storage === undefined,
    background: config.tokens.background && config.tokens.concurrency,
    keyOf,
    clock,
    fetch,
    leases: state.leases,
    tokens: state.tokens,
    isLoaded: () => state.health().loaded,
    isLagging() {
      const { proven } = state.health();
      return proven !== undefined && (!proven.keeps || proven.lag > 0);
    },
    isDisabled: (id) => disabled.get(id) !== undefined,
    alarm: (id) =>
      reporter.error(`the new refresh token of ${id} is not stored: a restart now would lose it`),
    onRelogin(id, reason) {
      if (disabled.get(id)) return;
      const mark = { cause: "relogin", reason, at: clock.now() } as const;
      disabled.disable(id, mark);
      reporter.warn(describeDisabled(id, upstreamOf(id), mark));
    },
    onFailed: logFailure,
    onRefresh: (event) => hooks.emit("refresh", event),
  });
  return tokens;
}

/** What the log adds to the code: the error of the operator's own function, or that nothing is served at the address. */
function causeOf(error: unknown, code: string): string | undefined {
  if (code === "SOURCE") return describeFault((error as { cause?: unknown }).cause ?? error);
  return error instanceof TokenError && error.refusal?.status === 404
    ? "status 404, check the address of the token endpoint"
    : undefined;
}

function* sourcesOf({ sources }: RelayConfig): Iterable<[string, TokenSource]> {
  for (const [id, source] of sources)
    yield [id, typeof source === "function" ? fromFunction(source) : source];
}
