// Why a call brought no response: maps the platforms' error codes to the few faults of the contract.
import type { TransportError, TransportFault } from "../contract/transport.ts";

const FAULTS: Record<string, TransportFault> = {
  ENOTFOUND: "dns",
  ECONNREFUSED: "refused",
  ConnectionRefused: "refused",
  EHOSTUNREACH: "unreachable",
  EHOSTDOWN: "unreachable",
  ENETUNREACH: "unreachable",
  ENETDOWN: "unreachable",
  ETIMEDOUT: "unreachable",
  EADDRNOTAVAIL: "unreachable",
  UND_ERR_CONNECT_TIMEOUT: "unreachable",
  FailedToOpenSocket: "unreachable",
  EPROTO: "tls",
  EACCES: "denied",
  EPERM: "denied",
  // Deno's permission errors have names in place of codes.
  NotCapable: "denied",
  PermissionDenied: "denied",
  BLOCKED_PORT: "denied",
  EMFILE: "connect",
  ENFILE: "connect",
  ENOBUFS: "connect",
  ECONNRESET: "closed",
  EPIPE: "closed",
  UND_ERR_SOCKET: "closed",
  ConnectionClosed: "closed",
  // Codes of the parser and the decoder for missing data.
  HPE_INVALID_EOF_STATE: "closed",
  Z_BUF_ERROR: "closed",
  UND_ERR_HEADERS_OVERFLOW: "protocol",
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: "protocol",
  UND_ERR_RESPONSE: "protocol",
};

/** Families of codes, for codes that are not listed. */
const FAMILIES: readonly [pattern: RegExp, fault: TransportFault][] = [
  [/^EAI_/, "dns"],
  [/^ERR_SSL_/, "tls"],
  [/CERT|SIGNATURE|SELF_SIGNED|^UNABLE_TO_/, "certificate"],
  [/^ERR_TLS_/, "tls"],
  [/^(?:HPE|Z)_|^ERR__ERROR_FORMAT_|^ERR_(?:_?ERROR_)?BROTLI|^BROTLI|^UND_ERR_INVALID/, "protocol"],
];

/** Codes for errors that have only a message: Deno's, and those of `fetch` itself. The first match counts. */
const MESSAGES: readonly [pattern: RegExp, code: string][] = [
  // ioredis, after it has closed the connection.
  [/^Connection is closed\.$/, "ConnectionClosed"],
  [/\bdns error\b|failed to lookup address/i, "ENOTFOUND"],
  [/\bconnection refused\b/i, "ECONNREFUSED"],
  [/\bconnection reset\b/i, "ECONNRESET"],
  [/\bno route to host\b/i, "EHOSTUNREACH"],
  [/\bnetwork is unreachable\b/i, "ENETUNREACH"],
  [/\btcp connect error\b.*\btimed out\b/i, "ETIMEDOUT"],
  [/\bpeer certificate: Expired/, "CERT_HAS_EXPIRED"],
  [/\bpeer certificate: NotValidYet/, "CERT_NOT_YET_VALID"],
  [/\bpeer certificate: NotValidForName/, "ERR_TLS_CERT_ALTNAME_INVALID"],
  [/\bpeer certificate: UnknownIssuer/, "UNABLE_TO_GET_ISSUER_CERT"],
  [/\bpeer certificate: Revoked/, "CERT_REVOKED"],
  [/\bpeer certificate\b/, "CERT_NOT_ACCEPTED"],
  [/\bcorrupt message of type InvalidContentType\b/, "ERR_SSL_WRONG_VERSION_NUMBER"],
  [/\breceived fatal alert\b|\btls handshake\b/i, "ERR_SSL_ALERT"],
  [/\binvalid HTTP\b/, "HPE_ERROR"],
  [/^bad port$|\bport \d+ (?:is|are) blocked\b/, "BLOCKED_PORT"],
];

/** Names that identify a fault like a code; undici's parser has a name and, in newer versions, no code. */
const NAMES: Readonly<Record<string, string>> = {
  NotCapable: "NotCapable",
  PermissionDenied: "PermissionDenied",
  HTTPParserError: "HPE_ERROR",
};

/** How deep platforms nest the cause of a failure. */
const DEPTH = 4;

/** Finds out why a call failed. The code is the platform's own, from the first level of the error that has one. */
export function readFault(error: unknown): TransportError {
  const code = codeOf(error, DEPTH);
  return { fault: faultOf(code), code };
}

/** Maps a platform's error code to a fault; an unknown code counts as a closed connection. */
export function faultOf(code: string | undefined): TransportFault {
  if (code === undefined) return "closed";
  return FAULTS[code] ?? FAMILIES.find(([pattern]) => pattern.test(code))?.[1] ?? "closed";
}

function codeOf(error: unknown, depth: number): string | undefined {
  if (typeof error !== "object" || error === null || depth === 0) return undefined;
  const { code, name, message, cause, errors } = error as Record<string, unknown>;
  // A code that is not a single word may be a text that quotes a secret.
  if (typeof code === "string" && /^\w{1,60}$/.test(code)) return code;
  if (typeof name === "string" && Object.hasOwn(NAMES, name)) return NAMES[name];
  const inside = [cause, ...(Array.isArray(errors) ? (errors as unknown[]) : [])];
  for (const one of inside) {
    const found = codeOf(one, depth - 1);
    if (found !== undefined) return found;
  }
  if (typeof message !== "string") return undefined;
  return MESSAGES.find(([pattern]) => pattern.test(message))?.[1];
}
