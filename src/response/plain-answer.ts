// Answers that belong to no relayed request: errors before a dialect is known, and the relay's own health (J12).
import type { HeaderList, Sink } from "../contract/sink.ts";
import { RelayError } from "../shared/errors.ts";

export interface PlainAnswer {
  status: number;
  headers: HeaderList;
  body: string;
}

const JSON_TYPE: [string, string] = ["content-type", "application/json"];
const HEALTH = "/_relay/health";

export function toPlainAnswer({ status, code, type, message }: RelayError): PlainAnswer {
  const body = JSON.stringify({ error: { type, code, message } });
  return { status, headers: [JSON_TYPE, ["x-should-retry", "false"]], body };
}

/** Tells whether what follows the mount point asks for the relay's health. */
export function isHealthTarget(target: string): boolean {
  return target[1] === "_" && (target === HEALTH || target.startsWith(`${HEALTH}?`));
}

/** The same for a whole target, where the mount point is not known. */
export function endsWithHealth(target: string): boolean {
  return target.split("?", 1)[0]!.endsWith(HEALTH);
}

/** Answers `GET <mount>/_relay/health`; every other method is refused. */
export function toHealthAnswer(method: string, isHealthy: boolean): PlainAnswer {
  if (method !== "GET" && method !== "HEAD") {
    const refused = toPlainAnswer(
      new RelayError("ERR_RELAY_METHOD", { detail: method, path: HEALTH }),
    );
    refused.headers.push(["allow", "GET, HEAD"]);
    return refused;
  }
  return {
    status: isHealthy ? 200 : 503,
    headers: [JSON_TYPE, ["cache-control", "no-store"]],
    body: JSON.stringify({ ok: isHealthy }),
  };
}

export function toResponse({ status, headers, body }: PlainAnswer, method: string): Response {
  return new Response(method === "HEAD" ? null : body, { status, headers });
}

export function writePlainly(sink: Sink, { status, headers, body }: PlainAnswer): void {
  sink.head(status, headers);
  sink.write(new TextEncoder().encode(body));
  sink.end();
}
