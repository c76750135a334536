// Checks types, ranges and names. Valid options pass in one run; only after a fault are all faults collected.
import type { CredentialOptions } from "./credential-types.ts";
import type { RelayOptions } from "./types.ts";
import * as v from "valibot";
import { DIALECTS } from "../dialects/builtin.ts";
import { Faults, wrong } from "./faults.ts";
import { checkNames } from "./names.ts";
import { credentialSchema } from "./credential-schema.ts";
import { optionsSchema } from "./schema.ts";

export { wrong } from "./faults.ts";

/** What a schema expects, in words. */
const EXPECTED: Readonly<Record<string, string>> = {
  string: "a string",
  number: "a number",
  boolean: "true or false",
  Array: "a list",
  Object: "an object",
  Function: "a function",
  unknown: "a function",
};
const UNSET = "is missing; is its environment variable set?";

/**
 * Collects the faults in names and types of the options. Returns the options for the following checks, with misspelt names
 * corrected.
 */
export function checkShape(options: RelayOptions, faults: Faults): RelayOptions {
  if (options === undefined)
    return wrong("options", "must be an object; a function must return it");
  if (typeof options === "function")
    return wrong("options", "must be an object, not a function returned by a function");
  if (options === null || typeof options !== "object" || Array.isArray(options))
    return wrong("options", "must be an object");
  if (typeof (options as { then?: unknown }).then === "function")
    return wrong("options", "must be an object, not a promise: await it first");
  if (isWellFormed(options)) return options;
  const meant = checkNames(optionsSchema, options, faults) as RelayOptions;
  checkPresence(meant, faults);
  checkTypes(meant, faults);
  return meant;
}

function isWellFormed(options: RelayOptions): boolean {
  const faults = new Faults(options);
  checkPresence(options, faults);
  return faults.isEmpty && v.safeParse(optionsSchema, options, { abortEarly: true }).success;
}

// Required options: to valibot `undefined` is absent, but `apiKey: process.env.KEY_A` must not mean "no key wanted".
function checkPresence(options: RelayOptions, faults: Faults): void {
  const { credentials } = options;
  if (credentials === undefined)
    faults.add("credentials", "is missing: give a list of `{ id, apiKey }`");
  // A secret from an unset variable must not lead to unsealed tokens.
  if ("secret" in options && options.secret === undefined) faults.add("secret", UNSET);
  if (!Array.isArray(credentials)) return;
  for (let index = 0; index < credentials.length && !faults.isFull; index++)
    checkCredential(credentials[index] as CredentialOptions | null, index, faults);
}

function checkCredential(
  credential: CredentialOptions | null,
  index: number,
  faults: Faults,
): void {
  if (credential === null || typeof credential !== "object") return;
  const { apiKey, token } = credential;
  if (apiKey === undefined && token === undefined && !("anonymous" in credential))
    faults.add(`credentials[${index}].apiKey`, lacking(credential));
  if (apiKey !== undefined && token !== undefined)
    faults.add(`credentials[${index}].token`, "cannot be combined with `apiKey`");
  // A token source with a refresh token has the field, even if its variable is not set.
  if (typeof token === "object" && token !== null && "refreshToken" in token)
    if (token.refreshToken === undefined || token.refreshToken === "")
      faults.add(`credentials[${index}].token.refreshToken`, UNSET);
}

function lacking(credential: object): string {
  return "apiKey" in credential || "token" in credential
    ? UNSET
    : "is missing: a credential needs `apiKey`, `token` or `anonymous`";
}

/** Checks credentials one by one, so that 100,000 wrong ones do not create as many issues at once. */
function checkTypes(options: RelayOptions, faults: Faults): void {
  const { credentials } = options;
  const isList = Array.isArray(credentials);
  addIssues(optionsSchema, isList ? { ...options, credentials: [] } : options, "", faults);
  if (!isList) return;
  for (let index = 0; index < credentials.length && !faults.isFull; index++)
    addIssues(credentialSchema, credentials[index], `credentials[${index}]`, faults);
}

function addIssues(schema: v.GenericSchema, input: unknown, start: string, faults: Faults): void {
  const { issues = [] } = v.safeParse(schema, input, { abortPipeEarly: true });
  for (const issue of issues) {
    const path = toPath(issue, start);
    // Two names in one record may be faults; neither is shown.
    const place = isAboutName(issue) ? `${path}.${String(issue.path?.at(-1)?.key)}` : path;
    faults.add(path || "options", describe(issue, path), place);
  }
}

function toPath(issue: v.BaseIssue<unknown>, start: string): string {
  const path = issue.path ?? [];
  return (isAboutName(issue) ? path.slice(0, -1) : path).reduce(
    (so, { key }) =>
      typeof key === "number" ? `${so}[${key}]` : `${so}${so ? "." : ""}${String(key)}`,
    start,
  );
}

// A name in a record could be a secret in the wrong place.
function isAboutName({ path, expected, input }: v.BaseIssue<unknown>): boolean {
  return path?.at(-1)?.origin === "key" && expected !== "never" && input !== undefined;
}

function lackingAt(path: string, { expected }: v.BaseIssue<unknown>): string {
  if (expected === "string" && !IN_CODE.test(path)) return UNSET;
  return /(?:^|\.)dialect$/.test(path)
    ? `is missing: give one of ${Object.keys(DIALECTS).join(", ")}`
    : "is missing";
}

/** Objects in code, whose fields are not environment variables. */
const IN_CODE = /(?:dialect|transport|anonymous|token)\.\w+$/;

function describe(issue: v.BaseIssue<unknown>, path: string): string {
  const { expected, input, message } = issue;
  if (expected === "never") return "is not an option";
  if (input === undefined) return lackingAt(path, issue);
  const subject = isAboutName(issue) ? "contains a name that " : "";
  // A default message of valibot shows the value.
  if (!message.startsWith("Invalid")) return subject + message;
  return `${subject}must be ${EXPECTED[expected ?? ""] ?? "of another type"}`;
}
