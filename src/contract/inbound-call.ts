/** Counts the bytes of a body while it arrives, against the limits on what all requests hold. */
export interface BodyMeter {
  /** Checks an announced size before a byte has arrived. Throws the error that refuses the body. */
  expect(bytes: number): void;
  /** Counts bytes that are to be kept. Throws the error that refuses the body; nothing of it is to be kept then. */
  add(bytes: number): void;
}

/** An inbound request, independent of the host. */
export interface InboundCall {
  method: string;
  /** Path after the mount point, undecoded, with leading slash and query: `/chat/completions?x=1`. */
  target: string;
  /** Mount point: `/ai`. `undefined` for a request outside of it, which is answered and not relayed. */
  mount: string | undefined;
  /** Returns a request header by its lower-case name; several with one name are joined by `, `. */
  header(name: string): string | undefined;
  /** Calls `visit` for each request header, names in lower case. */
  eachHeader(visit: (value: string, name: string) => void): void;
  /** Number of request headers as the client sent them, if the host has it without `eachHeader`. */
  readonly headerCount?: number;
  /**
   * Reads the body once. Rejects with `ERR_RELAY_BODY_SIZE` above `limit` bytes, `ERR_RELAY_CLIENT_GONE` if the client disconnects,
   * `ERR_RELAY_BODY_USED` if the body has been read before, and with what `meter` throws. A host that does not count leaves the
   * meter alone; the body then counts when it has been read.
   */
  readBody(limit: number, meter?: BodyMeter): Promise<Uint8Array>;
  /** Address of the peer as the host reports it (the socket's, or the framework's), for limits on callers. */
  address: string | undefined;
  /** Returns the request as a web `Request`, for functions of the operator's. Created on demand; its body must not be read. */
  request(): Request;
  /** Returns headers that the host has set on the response (CORS, for example); they are kept. */
  preparedHeaders?(): Iterable<[string, string]>;
}
