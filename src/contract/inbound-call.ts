/** An inbound call, however the host speaks of it. */
export interface InboundCall {
  method: string;
  /** What follows the mount point, undecoded, with leading slash and query: `/chat/completions?x=1`. */
  target: string;
  /** The mount point itself: `/ai`. `undefined` where the call lies outside of it: then it is answered, not relayed. */
  mount: string | undefined;
  /** Looks up a request header by its lower-case name; several of one name are joined by `, `. */
  header(name: string): string | undefined;
  /** Visits all request headers, names in lower case. */
  eachHeader(visit: (value: string, name: string) => void): void;
  /** How many headers came, as the client wrote them, where the host can tell that more cheaply than `eachHeader`. */
  readonly headerCount?: number;
  /** Reads the body once. Rejects with `ERR_RELAY_BODY_SIZE` over `limit` bytes, `ERR_RELAY_CLIENT_GONE` when it breaks off, `ERR_RELAY_BODY_USED` when somebody has read it. */
  readBody(limit: number): Promise<Uint8Array>;
  /** The peer's address as the host knows it (the socket's, or a framework's own answer), for the cap on callers. */
  address: string | undefined;
  /** The call as a web `Request`, for functions of the operator's. Made only when asked for; its body is not to be read. */
  request(): Request;
  /** Headers that the host has already prepared for the response (CORS, for example); they are kept. */
  preparedHeaders?(): Iterable<[string, string]>;
}
