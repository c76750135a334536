/** Names (lower case) and values of response headers; a name may stand more than once. */
export type HeaderList = [name: string, value: string][];

/** Who is told what the client does. */
export interface SinkListener {
  /** The client has read what was written. */
  onDrain(): void;
  /** The client has gone before the end. Called at most once, never after `end` has been delivered. */
  onClose(): void;
}

/** Where an answer goes: a web `Response` or a Node `ServerResponse`. After `end` or `destroy` nothing is written. */
export interface Sink {
  /** Sends status and headers. Called once. */
  head(status: number, headers: HeaderList): void;
  /** Returns `false` when the client reads more slowly than we write; the listener is told when to go on. */
  write(bytes: Uint8Array): boolean;
  end(): void;
  /** Ends so that the client can see that the answer is not whole. */
  destroy(): void;
  listener: SinkListener | undefined;
  /** True from the moment on that the client is known to be gone. */
  readonly closed: boolean;
}
