// Messages about disabled credentials: the reason, for the log and for errors, and what the operator can do.
import type { DisabledMark } from "../contract/records.ts";

type Cause = DisabledMark["cause"];

const WHY: Readonly<Record<Cause, string>> = {
  auth: "API key refused",
  forbidden: "access refused",
  exhausted: "token used up",
  relogin: "re-authentication required",
  operator: "by an operator",
};

/** The reason why a credential is disabled, without the upstream's own code: for responses to clients. */
export function whyDisabled(cause: Cause): string {
  return WHY[cause];
}

/** The log line for a credential that has just been disabled. */
export function describeDisabled(id: string, upstream: string, mark: DisabledMark): string {
  const { cause, reason } = mark;
  const advice = adviceFor(cause, id);
  return `credential ${id} on upstream ${upstream} is disabled: ${WHY[cause]}, ${reason}${advice && `; ${advice}`}`;
}

function adviceFor(cause: Cause, id: string): string {
  const enable = `call relay.credentials.enable(${JSON.stringify(id)})`;
  switch (cause) {
    case "auth":
      return `check that it is a key of this upstream and replace it, or ${enable} if it is valid again`;
    case "forbidden":
      return `check what this credential may use at the provider, then ${enable}`;
    case "relogin":
      return `configure a new refresh token, or ${enable} if the old one is valid again`;
    default:
      return "";
  }
}

/** Maximum number of ids in one line; the line gives the number of the others. */
const NAMED = 5;

/** The log line for credentials that were disabled before this start, or by another instance; `undefined` where there are none. */
export function describeStillDisabled(
  disabled: readonly { id: string; mark: DisabledMark }[],
): string | undefined {
  if (disabled.length === 0) return undefined;
  const [first] = disabled;
  const names = disabled
    .slice(0, NAMED)
    .map(({ id, mark: { cause, reason } }) =>
      cause === "operator" ? `${id} (${WHY[cause]})` : `${id} (${WHY[cause]}, ${reason})`,
    )
    .join(", ");
  const more = disabled.length > NAMED ? ` and ${disabled.length - NAMED} more` : "";
  const subject = disabled.length === 1 ? "1 credential is" : `${disabled.length} credentials are`;
  const id = disabled.length === 1 ? JSON.stringify(first!.id) : "id";
  return `${subject} disabled since an earlier start: ${names}${more}; replace the key, or call relay.credentials.enable(${id})`;
}
