// Says what is wrong with the options and where: by the path, never by the value, which could be a secret.
import type { CredentialOptions, RelayOptions } from "./types.ts";
import * as v from "valibot";
import { RelayError } from "../errors.ts";
import { optionsSchema } from "./schema.ts";

/** What a schema expects, for people. */
const EXPECTED: Readonly<Record<string, string>> = {
  string: "a string",
  number: "a number",
  boolean: "true or false",
  Array: "a list",
  Object: "an object",
  Function: "a function",
  unknown: "a function",
};

/** Throws `ERR_RELAY_OPTIONS` for the option at `path`. */
export function wrong(path: string, detail: string): never {
  throw new RelayError("ERR_RELAY_OPTIONS", { path, detail });
}

/** Checks types, ranges and names. Throws for the first thing that is wrong. */
export function checkShape(options: RelayOptions): void {
  if (typeof (options as { then?: unknown } | null)?.then === "function")
    wrong("options", "must be an object, not a promise: load what has to be awaited before");
  checkPresence(options);
  const config = { abortEarly: true, abortPipeEarly: true };
  const issue = v.safeParse(optionsSchema, options, config).issues?.[0];
  if (issue) wrong(toPath(issue) || "options", describe(issue));
}

// What must be there: to valibot `undefined` is absent, but `apiKey: process.env.KEY_A` must not read as "no key wanted".
function checkPresence(options: RelayOptions): void {
  if (options === null || typeof options !== "object") wrong("options", "must be an object");
  if (options.credentials === undefined) wrong("credentials", "is missing");
  // Asked for and not there: what is stored must not be readable by accident.
  if ("secret" in options && options.secret === undefined)
    wrong("secret", "is missing; is its environment variable set?");
  if (!Array.isArray(options.credentials)) return;
  options.credentials.forEach((credential: CredentialOptions | null, index) => {
    if (credential === null || typeof credential !== "object") return;
    const { apiKey, token } = credential;
    if (apiKey === undefined && token === undefined && !("anonymous" in credential))
      wrong(`credentials[${index}].apiKey`, "is missing; is its environment variable set?");
    if (apiKey !== undefined && token !== undefined)
      wrong(`credentials[${index}].token`, "cannot be given together with `apiKey`");
    // A source that has a refresh token says so, also where its variable is not set.
    if (typeof token === "object" && token !== null && "refreshToken" in token)
      if (token.refreshToken === undefined || token.refreshToken === "")
        wrong(
          `credentials[${index}].token.refreshToken`,
          "is missing; is its environment variable set?",
        );
  });
}

function toPath(issue: v.BaseIssue<unknown>): string {
  const path = issue.path ?? [];
  return (isAboutName(issue) ? path.slice(0, -1) : path)
    .map(({ key }, at) => (typeof key === "number" ? `[${key}]` : `${at ? "." : ""}${String(key)}`))
    .join("");
}

// A name in a record is the operator's own word, and could be a secret in the wrong place.
function isAboutName({ path, expected, input }: v.BaseIssue<unknown>): boolean {
  return path?.at(-1)?.origin === "key" && expected !== "never" && input !== undefined;
}

function describe(issue: v.BaseIssue<unknown>): string {
  const { expected, input, message } = issue;
  if (expected === "never") return "is not an option";
  if (input === undefined) return "is missing";
  const subject = isAboutName(issue) ? "has a name in it that " : "";
  // A message of valibot's own shows the value.
  if (!message.startsWith("Invalid")) return subject + message;
  return `${subject}must be ${EXPECTED[expected ?? ""] ?? "something else"}`;
}
