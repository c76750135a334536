// Platforms' error codes, put into the few words of the contract.
import type { TransportFault } from "../contract/transport.ts";

const FAULTS: Record<string, TransportFault> = {
  ENOTFOUND: "dns",
  EAI_AGAIN: "dns",
  EAI_NODATA: "dns",
  ECONNREFUSED: "connect",
  EHOSTUNREACH: "connect",
  ENETUNREACH: "connect",
  ETIMEDOUT: "connect",
  EADDRNOTAVAIL: "connect",
  EMFILE: "connect",
  UND_ERR_CONNECT_TIMEOUT: "connect",
  ConnectionRefused: "connect",
  FailedToOpenSocket: "connect",
  ECONNRESET: "closed",
  EPIPE: "closed",
  UND_ERR_SOCKET: "closed",
  ConnectionClosed: "closed",
  Z_BUF_ERROR: "closed",
  UND_ERR_HEADERS_OVERFLOW: "protocol",
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: "protocol",
  UND_ERR_RESPONSE: "protocol",
};

/** Reads a platform's error code; whatever is not known ended the connection. */
export function faultOf(code: string | undefined): TransportFault {
  if (code === undefined) return "closed";
  if (code.startsWith("HPE_") || code.startsWith("Z_") || code.startsWith("ERR__ERROR_FORMAT_"))
    return FAULTS[code] ?? "protocol";
  if (code.startsWith("ERR_TLS_") || code.includes("CERT")) return "connect";
  return FAULTS[code] ?? "closed";
}
