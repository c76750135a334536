// How each API family refuses: status, headers and body.
import type { HintPlace, RefusalKind, Refuse } from "./behaviour.ts";
import { COMPLAINTS } from "./refusal-texts.ts";
import type { Complaint } from "./refusal-texts.ts";
import { errorBody } from "./error-bodies.ts";
import type { ErrorContext } from "./error-bodies.ts";
import { hintHeaders, toDuration } from "./hints.ts";
import type { Hint } from "./hints.ts";
import { htmlPage } from "./pages.ts";

/** A whole answer that is no stream. */
export interface Refused {
  status: number;
  headers: Record<string, string | string[]>;
  body: string;
}

/** Words a refusal as the dialect's API would; `now` is UTC epoch ms. */
export function toRefusal(
  wanted: RefusalKind | Refuse,
  context: ErrorContext,
  now: number,
): Refused {
  const refuse = typeof wanted === "string" ? { kind: wanted } : wanted;
  const hint = hintOf(refuse, context, now);
  const headers = hint === undefined ? {} : hintHeaders(hint, context.dialect);
  if (refuse.kind.startsWith("html-")) return toPage(refuse, headers);
  const complaint = complaintOf(refuse, context.model);
  return {
    status: complaint.status,
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(errorBody(context, complaint, hint)),
  };
}

/** Returns what a refusal says, with its model and its wait put in. */
export function complaintOf(refuse: Refuse, model: string): Complaint {
  const row = COMPLAINTS[refuse.kind as keyof typeof COMPLAINTS];
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
