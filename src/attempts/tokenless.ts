// Credentials are there, and no token is to be had for any of them: which step fails, and when it is tried again.
import type { Target } from "../contract/target.ts";
import type { Services } from "../wiring/create-services.ts";
import type { AttemptState } from "./attempt-state.ts";
import { type ErrorFacts, RelayError } from "../shared/errors.ts";

/** What keeps a token away. `retryAt` in UTC epoch ms; `undefined` where only an operator can help. */
interface TokenFault {
  detail: string;
  retryAt: number | undefined;
}

/** The error of a request that met no credential with a token; `undefined` where that is not what failed. */
export function tokenError(
  { auth, acquirers, health, clock }: Pick<Services, "auth" | "acquirers" | "health" | "clock">,
  { history }: Pick<AttemptState, "history">,
  target: Target,
  facts: ErrorFacts,
): RelayError | undefined {
  const troubles: TokenFault[] = [...(history?.tokenless ?? [])]
    .filter((id) => !health.get(id))
    .flatMap((id) => auth.unavailableReason(id) ?? []);
  const obstacle = acquirers?.unavailableReason(target);
  if (obstacle) troubles.push({ detail: `create: ${obstacle}`, retryAt: undefined });
  const [first] = troubles.toSorted((a, b) => (a.retryAt ?? Infinity) - (b.retryAt ?? Infinity));
  return first && toTokenError(first, facts, clock.now());
}

export function toTokenError(
  { detail, retryAt }: TokenFault,
  facts: ErrorFacts,
  now: number,
): RelayError {
  const retryAfter =
    retryAt === undefined ? undefined : Math.max(1, Math.ceil((retryAt - now) / 1_000));
  return new RelayError("ERR_RELAY_TOKEN", { ...facts, detail, retryAfter });
}
