// Describes an unexpected error in one line.
import { denialOf } from "./denied-permission.ts";

/** Describes an error's kind and place. Its message is omitted: it may quote a body or a secret (J7). */
export function describeFault(error: unknown): string {
  if (!(error instanceof Error)) return `a thrown ${error === null ? "null" : typeof error}`;
  const denial = denialOf(error);
  if (denial !== undefined) return denial;
  const { message, stack = "" } = error;
  // A name that no class has may be anything.
  const name = CLASS_NAME.test(error.name) ? error.name : "Error";
  const { code } = error as { code?: unknown };
  const frames = stack.slice(stack.indexOf(message) + message.length).split("\n");
  const place = frames.map((line) => FRAME.exec(line)?.[1]).find((found) => found !== undefined);
  const isCode = typeof code === "string" && /^[A-Z][A-Z\d_]*$/.test(code);
  return `${name}${isCode ? ` ${code}` : ""}${place ? ` at ${place}` : ""}`;
}

/** Describes an error of the operator's own code in full, with message and causes: for the operator's log only. */
export function describeOwnFault(error: unknown): string {
  if (typeof error === "string") return error;
  if (!(error instanceof Error)) return describeFault(error);
  const { cause } = error;
  const [name = "", place] = describeFault(error).split(" at ", 2);
  // `JSON.parse` quotes its input, which may be a secret.
  const message = name === "SyntaxError" ? error.message.replace(/".*"/s, '"…"') : error.message;
  const described = `${name}${message ? `: ${message}` : ""}${place ? ` at ${place}` : ""}`;
  return cause === undefined || cause === error
    ? described
    : `${described}, caused by ${describeFault(cause)}`;
}

const CLASS_NAME = /^[A-Za-z_$][\w$.]{0,79}$/;
const FRAME = /^\s*(?:at |(?=\S*@))(\S.*:\d+:\d+\)?)$/;
