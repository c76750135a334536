/** The meaning of a status alone. */
import type { CodeMeaning } from "../contract/dialect.ts";
import type { RefusalCase, Finding } from "./refusal-case.ts";

const TIMEOUTS = [408, 504, 522, 524, 598, 599];
const CAPACITY = [503, 529];

const BY_STATUS: Readonly<Record<number, CodeMeaning>> = {
  401: { reason: "UNAUTHENTICATED" },
  402: { reason: "BILLING" },
  403: { reason: "FORBIDDEN" },
  404: { reason: "NOT_FOUND" },
  407: { reason: "FORBIDDEN", scope: "upstream" },
  410: { reason: "NOT_FOUND" },
  429: { reason: "RATE_LIMIT_EXCEEDED" },
  451: { reason: "FORBIDDEN", scope: "upstream" },
  499: { reason: "ABORTED" },
};

/** Reads timeouts and 5xx, which have priority over messages: 529, and a 503 in JSON, mean capacity; the others a server failure. */
export function findFailedServer({ status, reading, refusal }: RefusalCase): Finding | undefined {
  const evidence = `status:${status}`;
  if (TIMEOUTS.includes(status)) return { is: { reason: "TIMEOUT" }, evidence };
  if (status < 500) return undefined;
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

/** Reads any other status from 300 on. A redirect is not followed, and another credential would get the same one. */
export function findByStatus({ status }: RefusalCase): Finding | undefined {
  if (status < 300) return undefined;
  return { is: BY_STATUS[status] ?? { reason: "INVALID_REQUEST" }, evidence: `status:${status}` };
}
