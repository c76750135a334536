// Refusals in the format of each API family: status, headers and body.
import type { HintPlace, RefusalKind, Refuse } from "./behaviour.ts";
import { REFUSAL_TEXTS } from "./refusal-texts.ts";
import type { RefusalText } from "./refusal-texts.ts";
import { errorBody } from "./error-bodies.ts";
import type { ErrorContext } from "./error-bodies.ts";
import { hintHeaders, toDuration } from "./hints.ts";
import type { Hint } from "./hints.ts";
import { htmlPage } from "./pages.ts";

/** A complete answer that is not a stream. */
export interface Refused {
  status: number;
  headers: Record<string, string | string[]>;
  body: string;
}

/** Writes a refusal as the dialect's API would; `now` is UTC epoch ms. */
export function toRefusal(
  wanted: RefusalKind | Refuse,
  context: ErrorContext,
  now: number,
): Refused {
  const refuse = typeof wanted === "string" ? { kind: wanted } : wanted;
  const hint = hintOf(refuse, context, now);
  const headers = hint === undefined ? {} : hintHeaders(hint, context.dialect);
  if (refuse.kind.startsWith("html-")) return toPage(refuse, headers);
  const text = refusalTextOf(refuse, context.model);
  return {
    status: text.status,
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(errorBody(context, text, hint)),
  };
}

/** Returns the content of a refusal with its model and its wait. */
export function refusalTextOf(refuse: Refuse, model: string): RefusalText {
  const row = REFUSAL_TEXTS[refuse.kind as keyof typeof REFUSAL_TEXTS];
  if (row === undefined) throw new TypeError(`Unknown refusal "${refuse.kind}".`);
  const words = refuse.message ?? row.message.replace("{model}", model);
  const stated = refuse.wait !== undefined && refuse.hints?.includes("message");
  const message = stated ? `${words} Please try again in ${toDuration(refuse.wait ?? 0)}.` : words;
  return { ...row, status: refuse.status ?? row.status, message };
}

function hintOf(refuse: Refuse, { dialect }: ErrorContext, now: number): Hint | undefined {
  if (refuse.wait === undefined) return undefined;
  const usual: HintPlace = dialect === "google" ? "retry-info" : "retry-after";
  return { wait: refuse.wait, places: new Set(refuse.hints ?? [usual]), now };
}

function toPage(refuse: Refuse, hints: Record<string, string>): Refused {
  const status = refuse.status ?? Number(refuse.kind.slice("html-".length));
  return { status, headers: { "content-type": "text/html", ...hints }, body: htmlPage(status) };
}
