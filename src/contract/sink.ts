/** Names (lower case) and values of response headers; a name may occur more than once. */
export type HeaderList = [name: string, value: string][];

/** Listener for what the client does. */
export interface SinkListener {
  /** Called when the client has read what was written. */
  onDrain(): void;
  /** Called when the client disconnects before the end; at most once, never after `end` has been delivered. */
  onClose(): void;
}

/** Destination of an answer: a web `Response` or a Node `ServerResponse`. Nothing is written after `end` or `destroy`. */
export interface Sink {
  /** Sends status and headers. Called once. */
  head(status: number, headers: HeaderList): void;
  /** Writes bytes. Returns `false` if the client reads too slowly; `onDrain` is called when writing can continue. */
  write(bytes: Uint8Array): boolean;
  /** Ends the answer. */
  end(): void;
  /** Aborts the answer, so that the client can detect that it is incomplete. */
  destroy(): void;
  /**
   * Number of bytes that were written and that the client has not taken yet, as far as the host can tell; `undefined` where it cannot, and
   * where the reader is in the same process, which may pause. @default undefined
   */
  readonly backlog?: number | undefined;
  /** Set by the relay before it writes. */
  listener: SinkListener | undefined;
  /** True once the client is known to have disconnected. */
  readonly closed: boolean;
}
