// Which key a verdict closes: a credential, a model, both together, or what all credentials of an upstream share.
import type { Key } from "../contract/credential.ts";
import type { Target } from "../contract/target.ts";
import type { Verdict } from "../contract/verdict.ts";
import { ANY } from "../shared/patterns.ts";

/** Returns the narrowest key that a verdict's scope names; `undefined` if the scope names none. */
export function keyOf(
  { scope }: Verdict,
  credential: string,
  { upstream, pool, family }: Target,
): Key | undefined {
  switch (scope) {
    case "model":
      return { credential, upstream, pool, family };
    case "credential":
      return { credential, upstream, pool: ANY, family: ANY };
    case "upstream-model":
      return { credential: ANY, upstream, pool, family };
    case "upstream":
      return { credential: ANY, upstream, pool: ANY, family: ANY };
    default:
      return undefined;
  }
}

/** True if a credential has no access to a model, or the model does not exist: no limit that a family could share. */
export function isOfOneModel({ reason, scope, noAccess }: Verdict): boolean {
  return (
    scope === "model" && (reason === "NOT_FOUND" || reason === "FORBIDDEN" || noAccess === true)
  );
}

/** True if a target's family is its model alone. A name invented by a client must not close its neighbours. */
export function isAlone({ model, family }: Target): boolean {
  return family === model.toLowerCase();
}
