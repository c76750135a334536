/** The meaning of a status alone. */
import type { CodeMeaning } from "../contract/dialect.ts";
import type { RefusalCase, Finding } from "./refusal-case.ts";
import { HIGH_DEMAND, MONEY, TOO_LONG } from "./message-words.ts";

const TIMEOUTS = [408, 504, 522, 524, 598, 599];
const CAPACITY = [503, 529];

/** Sentences that are clear under any status, in order. */
const CLEAR_ANYWHERE = [HIGH_DEMAND, MONEY, TOO_LONG];

const BY_STATUS: Readonly<Record<number, CodeMeaning>> = {
  401: { reason: "UNAUTHENTICATED" },
  402: { reason: "BILLING" },
  403: { reason: "FORBIDDEN" },
  404: { reason: "NOT_FOUND" },
  407: { reason: "FORBIDDEN", scope: "upstream" },
  410: { reason: "NOT_FOUND" },
  429: { reason: "RATE_LIMIT_EXCEEDED" },
  451: { reason: "FORBIDDEN", scope: "upstream" },
};

/** Statuses that are about the request itself (E5). A redirect is not followed, and another credential would get the same one. */
const OF_THE_REQUEST = [400, 405, 406, 409, 411, 413, 414, 415, 416, 417, 418, 422, 431];
const REQUEST: CodeMeaning = { reason: "INVALID_REQUEST" };

/** A status of 4xx that says nothing of the request: another credential may get an answer, and nothing is closed. */
const NOT_UNDERSTOOD: CodeMeaning = { reason: "UNKNOWN", scope: "none" };

/**
 * Reads timeouts and 5xx, which have priority over most messages: 529, and a 503 in JSON, mean capacity; the others a server failure.
 * An API's own sentence about money or about a request that does not fit is not the server's failure, whatever status it has.
 */
export function findFailedServer(open: RefusalCase): Finding | undefined {
  const { status, reading, refusal, words } = open;
  const evidence = `status:${status}`;
  if (TIMEOUTS.includes(status)) return { is: { reason: "TIMEOUT" }, evidence };
  if (status < 500) return undefined;
  const said = reading.page ? undefined : CLEAR_ANYWHERE.find((rule) => rule.words.test(words));
  if (said) return { is: said.is, evidence: `words:${said.name}` };
  const json =
    reading.kind === "json" ||
    (reading.kind === "text" && speaksJson(refusal.header("content-type")));
  const capacity = CAPACITY.includes(status) && json && refusal.endpoint === "ai";
  return { is: { reason: capacity ? "MODEL_CAPACITY_EXHAUSTED" : "SERVER_ERROR" }, evidence };
}

function speaksJson(type: string | undefined): boolean {
  return type !== undefined && type.includes("json");
}

/** True when a status has a clear meaning. */
export function saysEnough(status: number): boolean {
  return status in BY_STATUS;
}

/** Reads any other status from 300 on. */
export function findByStatus({ status }: RefusalCase): Finding | undefined {
  if (status < 300) return undefined;
  const isOwn = status < 400 || OF_THE_REQUEST.includes(status);
  const is = BY_STATUS[status] ?? (isOwn ? REQUEST : NOT_UNDERSTOOD);
  return { is, evidence: `status:${status}` };
}
