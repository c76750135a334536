// The services that the attempt loop uses. `wiring/` creates them; each step of the loop names those that it needs.
import type { Acquirers } from "../anonymous/acquirers.ts";
import type { Clock } from "../contract/clock.ts";
import type { State } from "../contract/state.ts";
import type { Transport } from "../contract/transport.ts";
import type { VerdictApplier } from "../cooldowns/apply-verdict.ts";
import type { Cooldowns } from "../cooldowns/cooldowns.ts";
import type { DisabledCredentials } from "../cooldowns/disabled-credentials.ts";
import type { EndpointFaults } from "../observe/endpoint-faults.ts";
import type { Hooks } from "../observe/hooks.ts";
import type { Reporter } from "../observe/reporter.ts";
import type { RelayConfig } from "../options/resolve.ts";
import type { CircuitBreaker } from "../policies/circuit-breaker.ts";
import type { PendingAnswers } from "../policies/pending-answers.ts";
import type { RequestQueue } from "../policies/request-queue.ts";
import type { RetryBudget } from "../policies/retry-budget.ts";
import type { Pool } from "../pool/pool.ts";
import type { QuotaPoller } from "../quota/quota-poller.ts";
import type { TokenProvider } from "../tokens/token-provider.ts";
import type { UsageRequests } from "./usage-requests.ts";

export interface AttemptServices {
  config: RelayConfig;
  clock: Clock;
  hooks: Hooks;
  reporter: Reporter;
  /** The credentials of each upstream, by its name. */
  pools: ReadonlyMap<string, Pool>;
  cooldowns: Cooldowns;
  disabled: DisabledCredentials;
  tokens: TokenProvider;
  /** Sources of anonymous tokens; `undefined` if none is configured. */
  acquirers: Acquirers | undefined;
  circuits: CircuitBreaker;
  /** Calls that wait for the head of their answer, by endpoint. */
  pendingAnswers: PendingAnswers;
  queue: RequestQueue;
  retryBudget: RetryBudget;
  quotas: QuotaPoller;
  verdicts: VerdictApplier;
  endpointFaults: EndpointFaults;
  /** Asks streams for their token counts; `undefined` if `streaming.includeUsage` is off. */
  usageRequests: UsageRequests | undefined;
  /** Counts the attempts of each credential. */
  counters: Pick<State, "count">;
  /** Names of the relay's own response headers, in lower case. */
  ownHeaders: ReadonlySet<string>;
  /** The connections to upstreams. To be called only when the state has been loaded. */
  transport(): Transport;
}

/** Returns the pool of a target's upstream. */
export function poolOf(
  { pools }: Pick<AttemptServices, "pools">,
  { upstream }: { upstream: string },
): Pool {
  return pools.get(upstream)!;
}
