/** One upstream call, ready to be sent. */
export interface Outgoing {
  method: string;
  /** Scheme, host and port: `https://api.example.com`. */
  origin: string;
  /** Path and query, as sent on the wire. */
  path: string;
  /** Lower-case names. */
  headers: Record<string, string>;
  body: Uint8Array | undefined;
  /** A large body once more, in pieces that follow one another: a transport that sends these in place of `body` saves a copy. */
  readonly pieces?: readonly Uint8Array[] | undefined;
}

/** Response headers of an upstream, by lower-case name. */
export interface ReplyHeaders {
  /** Returns a header by its lower-case name. */
  get(name: string): string | undefined;
  /** Calls `visit` for each header. */
  forEach(visit: (value: string, name: string) => void): void;
}

/** Why no complete answer arrived, as far as a transport can distinguish it. */
export type TransportFault =
  /** The name does not resolve. */
  | "dns"
  /** The connection was refused: nothing listens at this host and port. */
  | "refused"
  /** The host or its network does not respond. */
  | "unreachable"
  /** The upstream's certificate was not accepted. */
  | "certificate"
  /** The TLS handshake failed for another reason; the server may not speak TLS. */
  | "tls"
  /** The operating system denied the connection. */
  | "denied"
  /** The connection failed for another reason. */
  | "connect"
  /** The connection closed before the answer was complete. */
  | "closed"
  /** The answer is not valid HTTP, or contradicts its headers. */
  | "protocol"
  /** The runtime blocked the call: a permission is missing. */
  | "permission";

/** Which timeout expired. */
export type Silence =
  /** No connection was opened. */
  | "connect-timeout"
  /** The head of the answer did not arrive. */
  | "timeout"
  /** The head arrived, and no byte of the body followed. */
  | "body-timeout"
  /** Bytes arrived, and no payload: comments, lifecycle events, unfinished lines. */
  | "payload-timeout"
  /** No byte followed the last one. */
  | "idle-timeout"
  /** No payload followed the last one, only other bytes. */
  | "payload-idle-timeout";

/** Why an attempt produced no answer that could be classified or relayed. */
export type AttemptFault = TransportFault | Silence | "empty";

/** Why a call failed. */
export interface TransportError {
  fault: TransportFault;
  /** Code of the platform (`ECONNREFUSED`), or its message about a denied call; for the log, never for the client. */
  code?: string;
}

/** Receives an answer. Exactly one of `onEnd` and `onFail` is called, and nothing after it or after `abort`. */
export interface Receiver {
  /** Called when a connection is established and the request is being written; never by a transport without that information. */
  onConnect?(): void;
  /** Called once with the HTTP status and the headers. */
  onHead(status: number, headers: ReplyHeaders): void;
  /** Called with decoded body bytes, which may be kept. Returning `false` pauses reading until `resume`. */
  onData(chunk: Uint8Array): boolean;
  /** Called when the answer is complete. */
  onEnd(): void;
  /** Called when the call has failed. */
  onFail(error: TransportError): void;
}

/** One call in progress. Both methods may be called at any time, also repeatedly and after the end. */
export interface Exchange {
  /** True if `onConnect` will be called, so that connecting and answering can have timeouts of their own. */
  readonly tellsConnect?: boolean;
  /** Continues reading after `onData` returned `false`. */
  resume(): void;
  /** Cancels the upstream call at once. The receiver is not called again. */
  abort(): void;
}

/** Sends upstream calls. It decodes content encodings, follows no redirects, and has no timeouts of its own. */
export interface Transport {
  /** Name for the log. */
  name: string;
  /** Sends a call. Must not call the receiver before it returns. */
  send(outgoing: Outgoing, receiver: Receiver): Exchange;
  /** Closes all connections. Resolves when they are closed. */
  close(): Promise<void>;
}
