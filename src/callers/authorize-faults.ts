// Describes a wrong return value or an exception of `authorize` for the operator, without any value of the caller's request (N7, J7).
import type { Fault } from "../observe/fault-log.ts";
import { hideSecretLike } from "../observe/secret-directory.ts";
import { hideAnyOf } from "../observe/secret-candidates.ts";
import { toDurationText } from "../shared/times.ts";

export type AuthorizeFault = { returned: unknown } | { thrown: unknown } | { unsettledFor: number };

/** Limits of what a line shows: characters of a thrown message, and keys of a returned object. */
const MESSAGE = 200;
const KEYS = 5;
/** Characters of a thrown message that are read. */
const READ = 4_000;

const EXPECTED =
  "expected: a string of 1 to 256 characters (the caller's id), true, false or null (refused), or a Response";

const UNDEFINED = "returned undefined, which refuses the request (401)";
const MISSING =
  "if this is not intended, a `return` is missing: return a caller id or `true` to accept the request";

/** Advice where `authorize` tries to parse a body that it does not have. */
const NO_BODY =
  "on Node the request that `authorize` gets has no body: decide by its URL and headers; ";

/** Describes a fault of `authorize`. `secrets` are removed from the message that it threw. */
export function describeAuthorizeFault(
  fault: AuthorizeFault,
  secrets: () => Iterable<string>,
): Fault {
  const subject = "authorize";
  if ("unsettledFor" in fault) {
    const what = `did not settle within ${toDurationText(fault.unsettledFor)}`;
    const advice = "the request was ended: check what the function waits for";
    return { subject, kind: "unsettled", what, advice, endedBy: undefined };
  }
  if ("returned" in fault && fault.returned === undefined)
    return { subject, kind: "undefined", what: UNDEFINED, advice: MISSING, endedBy: undefined };
  if ("returned" in fault) {
    const what = `returned ${kindOf(fault.returned)}`;
    return { subject, kind: what, what, advice: EXPECTED, endedBy: undefined };
  }
  const { thrown } = fault;
  const name = thrown instanceof Error ? thrown.name.slice(0, 60) : typeNameOf(thrown);
  const text = thrown instanceof Error ? thrown.message : typeof thrown === "string" ? thrown : "";
  return {
    subject,
    kind: `threw ${name}`,
    // A function, because it runs only where the line is written: a pool may hold thousands of secrets.
    what: () => `threw ${name}${text && `: ${hide(text, secrets())}`}`,
    advice: `${name === "SyntaxError" ? NO_BODY : ""}to refuse a request return false, or return or throw a Response`,
    endedBy: undefined,
  };
}

/** Names the type of a thrown value; the text of a thrown string is shown separately. */
function typeNameOf(thrown: unknown): string {
  return typeof thrown === "string" ? "a string" : kindOf(thrown);
}

/** Names the type of a value, and the keys of an object; never its values. */
function kindOf(value: unknown): string {
  if (Array.isArray(value)) return "an array";
  if (typeof value === "string") return `a string of ${value.length} characters`;
  if (value === undefined || value === null) return String(value);
  if (typeof value !== "object") return `a ${typeof value}`;
  const all = Object.keys(value);
  const keys = all.slice(0, KEYS).map((key) => (/^[\w$-]{1,40}$/.test(key) ? key : "…"));
  if (keys.length === 0) return "an object without keys";
  return `an object with the keys ${keys.join(", ")}${all.length > KEYS ? ", …" : ""}`;
}

function hide(text: string, secrets: Iterable<string>): string {
  const hidden = hideSecretLike(hideAnyOf(secrets, text.slice(0, READ)));
  return hidden.length > MESSAGE ? `${hidden.slice(0, MESSAGE)}…` : hidden;
}
