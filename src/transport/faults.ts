// Platforms' error codes, put into the few words of the contract.
import type { TransportFault } from "../contract/transport.ts";

const FAULTS: Record<string, TransportFault> = {
  ENOTFOUND: "dns",
  ECONNREFUSED: "connect",
  EHOSTUNREACH: "connect",
  EHOSTDOWN: "connect",
  ENETUNREACH: "connect",
  ENETDOWN: "connect",
  ETIMEDOUT: "connect",
  EADDRNOTAVAIL: "connect",
  EACCES: "connect",
  EMFILE: "connect",
  ENFILE: "connect",
  EPROTO: "connect",
  UND_ERR_CONNECT_TIMEOUT: "connect",
  ConnectionRefused: "connect",
  FailedToOpenSocket: "connect",
  ECONNRESET: "closed",
  EPIPE: "closed",
  UND_ERR_SOCKET: "closed",
  ConnectionClosed: "closed",
  // The parser's and the decoder's way to say that the rest is missing.
  HPE_INVALID_EOF_STATE: "closed",
  Z_BUF_ERROR: "closed",
  UND_ERR_HEADERS_OVERFLOW: "protocol",
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: "protocol",
  UND_ERR_RESPONSE: "protocol",
};

/** Families of codes, where the code itself is not listed. */
const FAMILIES: readonly [pattern: RegExp, fault: TransportFault][] = [
  [/^EAI_/, "dns"],
  [/^ERR_(?:TLS|SSL)_|CERT|SIGNATURE|SELF_SIGNED|^UNABLE_TO_/, "connect"],
  [/^(?:HPE|Z)_|^ERR__ERROR_FORMAT_|^ERR_(?:_?ERROR_)?BROTLI|^BROTLI|^UND_ERR_INVALID/, "protocol"],
];

/** Reads a platform's error code; whatever is not known ended the connection. */
export function faultOf(code: string | undefined): TransportFault {
  if (code === undefined) return "closed";
  return FAULTS[code] ?? FAMILIES.find(([pattern]) => pattern.test(code))?.[1] ?? "closed";
}
