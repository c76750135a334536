// The error of a request that cannot be served: which one depends on what was tried and what blocks its targets.
import type { Target } from "../contract/target.ts";
import { pendingRefusalOf } from "../policies/endpoint-access.ts";
import { ANY_MODEL } from "../routing/planner.ts";
import { type ErrorFacts, RelayError, type TriedTarget } from "../shared/errors.ts";
import { ANY } from "../shared/patterns.ts";
import { secondsUntil } from "../shared/times.ts";
import type { AttemptServices } from "./attempt-services.ts";
import { type AttemptState, excludedFor } from "./attempt-state.ts";
import { summarize } from "./availability-summary.ts";
import type { Availability, Unavailability } from "./availability.ts";
import type { RequestPlan } from "./request-plan.ts";
import { toUpstreamError } from "./upstream-error.ts";

type Deps = Pick<
  AttemptServices,
  | "pools"
  | "circuits"
  | "pendingAnswers"
  | "config"
  | "cooldowns"
  | "disabled"
  | "tokens"
  | "acquirers"
  | "clock"
  | "reporter"
>;

/** Why there is no token. `retryAt`: UTC epoch ms; `undefined` if only an operator can help. */
interface TokenFault {
  detail: string;
  retryAt: number | undefined;
}

export class FinalErrors {
  readonly #deps: Deps;
  readonly #availability: Availability;

  constructor(deps: Deps, availability: Availability) {
    this.#deps = deps;
    this.#availability = availability;
  }

  /** The error when all attempts are spent, or no credential can ever serve the request. */
  final(plan: RequestPlan, state: AttemptState): RelayError {
    const { target, asked } = plan;
    const { last } = state;
    const now = this.#deps.clock.now();
    const wanted = this.#availability.wantedAt(plan, state, target);
    const { until } = this.#availability.whyUnavailable(wanted, now);
    const retryAfter = until === Infinity ? undefined : secondsUntil(until, now);
    const summary = (): string | undefined => summarize(this.#deps, target, wanted.excluded);
    const error = last
      ? toUpstreamError(last, target, asked.path, retryAfter, summary())
      : (this.#tokenError(state, target) ??
        new RelayError("ERR_RELAY_NO_CREDENTIAL", {
          ...factsOf(target),
          detail: summary() ?? "none is configured",
        }));
    return this.#withTried(plan, state, error);
  }

  /** The error when no endpoint is called: what the request has met itself, otherwise why (F2, E19). */
  down(plan: RequestPlan, state: AttemptState): RelayError {
    const targets = this.#availability.openTargets(plan, state);
    if (state.last || targets.length === 0) return this.final(plan, state);
    const until = Math.min(...targets.map((target) => this.#availability.downUntil(target)));
    const retryAfter = Math.max(1, secondsUntil(until, this.#deps.clock.now()));
    return this.#withTried(plan, state, this.#downAt(targets[0]!, retryAfter));
  }

  #downAt(target: Target, retryAfter: number): RelayError {
    const { clock, config } = this.#deps;
    const { upstream } = target;
    switch (pendingRefusalOf(this.#deps, target, clock.now())) {
      case "full":
        return new RelayError("ERR_RELAY_PENDING_FULL", {
          upstream,
          retryAfter,
          limit: config.limits.maxPending,
        });
      case "silent":
        return new RelayError("ERR_RELAY_UPSTREAM_SILENT", { upstream, retryAfter });
      default:
        return new RelayError("ERR_RELAY_UPSTREAM_DOWN", { upstream, retryAfter });
    }
  }

  /** The error when all credentials are closed and open later than the request may wait. */
  limited(
    plan: RequestPlan,
    state: AttemptState,
    target: Target,
    unavailability: Unavailability,
  ): RelayError {
    return this.#withTried(plan, state, this.#limitedAt(state, target, unavailability));
  }

  /** The error when the request has used up its wait. */
  outOfWait(target: Target, { why }: Unavailability): RelayError {
    return new RelayError("ERR_RELAY_LIMITED", { ...factsOf(target), retryAfter: 1, detail: why });
  }

  /** The error when the runtime has denied the call: no upstream and no credential is at fault, and others would be denied too. */
  notPermitted({ target }: RequestPlan, line: string | undefined): RelayError {
    if (line !== undefined) this.#deps.reporter.error(line);
    return new RelayError("ERR_RELAY_PERMISSION", factsOf(target));
  }

  #limitedAt(
    state: AttemptState,
    target: Target,
    { why, until, key, failure }: Unavailability,
  ): RelayError {
    const { cooldowns, clock } = this.#deps;
    const now = clock.now();
    const reason = key && cooldowns.get(key)?.reason;
    // A creation that fails is no limit (H1).
    if (failure !== undefined)
      return toTokenError({ detail: failure, retryAt: until }, factsOf(target), now);
    const facts = { ...factsOf(target), retryAfter: secondsUntil(until, now) };
    if (why === "protected") return new RelayError("ERR_RELAY_PROTECTED", facts);
    if (reason === "NOT_FOUND") return new RelayError("ERR_RELAY_MODEL_NOT_FOUND", factsOf(target));
    if (reason === "MODEL_CAPACITY_EXHAUSTED") return new RelayError("ERR_RELAY_CAPACITY", facts);
    // A refused key is no limit.
    if (reason === "FORBIDDEN" || reason === "UNAUTHENTICATED")
      return new RelayError("ERR_RELAY_NO_CREDENTIAL", {
        ...facts,
        detail: summarize(this.#deps, target, excludedFor(state, target)),
      });
    // A limit that all credentials share, or that of an anonymous source, belongs to no credential.
    const isShared = key?.credential === ANY;
    const summary = isShared
      ? undefined
      : summarize(this.#deps, target, excludedFor(state, target));
    const own = summary === undefined || reason === "CREATE_LIMITED" ? reason : undefined;
    const detail = [summary, own].filter((it) => it !== undefined).join(", ") || undefined;
    return new RelayError("ERR_RELAY_LIMITED", { ...facts, detail });
  }

  /** The error of a request that found no credential with a token; `undefined` if that is not the cause. */
  #tokenError({ history }: AttemptState, target: Target): RelayError | undefined {
    const { tokens, acquirers, disabled, clock } = this.#deps;
    const faults: TokenFault[] = [...(history?.tokenless ?? [])]
      .filter((id) => !disabled.get(id))
      .flatMap((id) => tokens.unavailableReason(id) ?? []);
    const reason = acquirers?.unavailableReason(target);
    if (reason) faults.push({ detail: `create: ${reason}`, retryAt: undefined });
    const [first] = faults.toSorted((a, b) => (a.retryAt ?? Infinity) - (b.retryAt ?? Infinity));
    return first && toTokenError(first, factsOf(target), clock.now());
  }

  /** Adds to an error where the request could have gone (D10). */
  #withTried(plan: RequestPlan, state: AttemptState, error: RelayError): RelayError {
    const tried = this.#triedTargets(plan, state);
    if (!tried) return error;
    const waits = tried.flatMap((one) => one.retryAfter ?? []);
    const retryAfter = waits.length > 0 ? Math.min(...waits) : error.facts.retryAfter;
    return new RelayError(error.code, { ...error.facts, status: error.status, retryAfter, tried });
  }

  /** Lists where the request could have gone and why it did not; `undefined` if there was one target only. */
  #triedTargets(plan: RequestPlan, state: AttemptState): TriedTarget[] | undefined {
    const { cooldowns, clock } = this.#deps;
    if (plan.targets.length === 1) return undefined;
    const now = clock.now();
    return plan.targets.map((target) => {
      const wanted = this.#availability.wantedAt(plan, state, target);
      const { until, key, why } = this.#availability.whyUnavailable(wanted, now);
      const reason =
        state.history?.reasons.get(target) ?? (key && cooldowns.get(key)?.reason) ?? why;
      const { model, pool } = target;
      return until > now && until !== Infinity
        ? { model, pool, reason, retryAfter: secondsUntil(until, now) }
        : { model, pool, reason };
    });
  }
}

function toTokenError({ detail, retryAt }: TokenFault, facts: ErrorFacts, now: number): RelayError {
  const retryAfter = retryAt === undefined ? undefined : Math.max(1, secondsUntil(retryAt, now));
  return new RelayError("ERR_RELAY_TOKEN", { ...facts, detail, retryAfter });
}

function factsOf({ upstream, model }: Target): { upstream: string; model: string | undefined } {
  return { upstream, model: model === ANY_MODEL ? undefined : model };
}
