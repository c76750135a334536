/** Names (lower case) and values of response headers; a name may stand more than once. */
export type HeaderList = [name: string, value: string][];

/** Where an answer goes: a web `Response` or a Node `ServerResponse`. After `end` or `destroy` nothing is written. */
export interface Sink {
  /** Sends status and headers. Called once. */
  head(status: number, headers: HeaderList): void;
  /** Returns `false` when the client reads more slowly than we write; `onDrain` says when to go on. */
  write(bytes: Uint8Array): boolean;
  end(): void;
  /** Ends so that the client can see that the answer is not whole. */
  destroy(): void;
  onDrain: (() => void) | undefined;
  /** The client has gone before the end. Called at most once, never after `end` has been delivered. */
  onClose: (() => void) | undefined;
  /** True from the moment on that the client is known to be gone. */
  readonly closed: boolean;
}
