// The connection behind a Node request: whether the client is still there. Node reports it incompletely. Of pipelined requests only the
// first one hears that the socket has closed, and an HTTP/2 stream that was reset looks like one that is complete.

/** The part of `net.Socket` that is used. */
export interface NodeSocket {
  readonly remoteAddress?: string;
  readonly encrypted?: boolean;
  readonly destroyed?: boolean;
  on?(event: "close", listener: () => void): unknown;
}

/** The part of `http2.ServerHttp2Stream` that is used. */
export interface NodeStream {
  readonly closed: boolean;
  readonly destroyed: boolean;
  readonly rstCode?: number;
  close(code: number): unknown;
}

/** The part of `http.IncomingMessage` that tells about the connection. */
export interface ConnectedMessage {
  readonly socket: NodeSocket | null;
  /** True where the client has left before the request was complete. */
  readonly aborted?: boolean;
  /** Only in HTTP/2. */
  readonly stream?: NodeStream;
  on(event: "aborted", listener: () => void): unknown;
}

/** The part of `http.ServerResponse` that tells about the connection. */
export interface ConnectedResponse {
  readonly destroyed?: boolean;
  /** `null` while the response of an earlier request on the same connection is being sent. */
  readonly socket?: unknown;
  on(event: "close", listener: () => void): unknown;
}

/** HTTP/2 error codes (RFC 9113, section 7). */
export const NO_ERROR = 0;
export const INTERNAL_ERROR = 2;

/** True where nothing can be sent to the client any more. */
export function isConnectionLost(message: ConnectedMessage, response: ConnectedResponse): boolean {
  const { stream, socket } = message;
  if (stream) return stream.closed || stream.destroyed || message.aborted === true;
  return response.destroyed === true || socket?.destroyed === true;
}

/**
 * Calls `onClose` when the response has ended, and when its connection or its HTTP/2 stream has closed before; it may be called more than
 * once.
 */
export function watchConnection(
  message: ConnectedMessage,
  response: ConnectedResponse,
  onClose: () => void,
): void {
  response.on("close", onClose);
  // A stream that was reset closes only when the rest of its upload has been read.
  if (message.stream) message.on("aborted", onClose);
  else if (response.socket === null && message.socket)
    watchQueued(message.socket, response, onClose);
}

/**
 * Resolves when the server has read what came in one packet with the end of an upload. Node's own HTTP/2 client ends an upload that it
 * cancels, and resets the stream then: such an end does not make the upload whole.
 */
export function untilPacketRead(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

/** What the requests that wait behind another one on the same socket have registered. */
const queues = new WeakMap<NodeSocket, Set<() => void>>();

// One listener for each socket: each request with a listener of its own would exceed the number from which Node warns of a leak.
function watchQueued(socket: NodeSocket, response: ConnectedResponse, onClose: () => void): void {
  let queue = queues.get(socket);
  if (!queue) {
    const created = new Set<() => void>();
    queues.set(socket, (queue = created));
    socket.on?.("close", () => {
      for (const call of created) call();
      created.clear();
    });
  }
  const watched = queue;
  watched.add(onClose);
  response.on("close", () => watched.delete(onClose));
}
