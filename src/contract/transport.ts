/** One call to an upstream, ready to be sent. */
export interface Outgoing {
  method: string;
  /** `https://api.example.com` */
  origin: string;
  /** Path and query, as they go on the wire. */
  path: string;
  /** Lower-case names. */
  headers: Record<string, string>;
  body: Uint8Array | undefined;
}

/** Headers of an upstream's answer, by lower-case name. */
export interface ReplyHeaders {
  get(name: string): string | undefined;
  forEach(visit: (value: string, name: string) => void): void;
}

/** Why no whole answer came, told apart as far as a transport can. */
export type TransportFault =
  /** The name does not resolve. */
  | "dns"
  /** Nothing listens at this host and port. */
  | "refused"
  /** The host, or the way to it, does not answer. */
  | "unreachable"
  /** The upstream's certificate was not accepted. */
  | "certificate"
  /** The TLS handshake failed for another reason: what listens there may not speak TLS. */
  | "tls"
  /** This process may not connect there. */
  | "denied"
  /** No connection could be made, for another reason. */
  | "connect"
  /** The connection ended before the answer was whole. */
  | "closed"
  /** What came is not HTTP, or not what its headers promise. */
  | "protocol"
  /** The runtime has not let the call out: a permission is missing. */
  | "permission";

/** What was waited for in vain: the connection, the first byte, or the next one. */
export type Silence = "connect-timeout" | "timeout" | "idle-timeout";

/** Why an attempt brought no answer that could be judged or passed on. */
export type AttemptFault = TransportFault | Silence | "empty";

export interface TransportError {
  fault: TransportFault;
  /** The platform's own code, `ECONNREFUSED` for example, or its words on a call it denied; for the log, never for the client. */
  code?: string;
}

/** Takes an answer as it comes. Exactly one of `onEnd` and `onFail` is called, and nothing after it or after `abort`. */
export interface Receiver {
  /** A connection stands and the request is being written. A transport that cannot tell never calls it. */
  onConnect?(): void;
  onHead(status: number, headers: ReplyHeaders): void;
  /** Takes decoded body bytes; they may be kept. Returning `false` stops the reading until `resume`. */
  onData(chunk: Uint8Array): boolean;
  onEnd(): void;
  onFail(error: TransportError): void;
}

/** One call under way. Both methods may be called at any time, also more than once and after the end. */
export interface Exchange {
  /** True where `onConnect` will be called, so that the time to connect can be told from the time to answer. */
  readonly tellsConnect?: boolean;
  resume(): void;
  /** Closes the upstream at once. The receiver hears nothing more. */
  abort(): void;
}

/** How calls are sent. Content encodings are undone, redirects are not followed, and no timeout is its own. */
export interface Transport {
  name: string;
  /** Must not call the receiver before it returns. */
  send(outgoing: Outgoing, receiver: Receiver): Exchange;
  close(): Promise<void>;
}
