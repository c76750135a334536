// Connections that are being opened. One that no call waits for any more is closed, so that it occupies no socket (E16).

/** A socket that is not yet connected; the part of it that is used. */
export interface Connecting {
  destroy(error: Error): unknown;
}

interface PendingCall {
  waiting: number;
  sockets: Set<Connecting>;
}

export class PendingConnections {
  readonly #places = new Map<string, PendingCall>();

  /** Adds a connection that is being opened; returns a function to call when it is open or has failed. */
  add(origin: string, socket: Connecting): () => void {
    const { sockets } = this.#placeOf(origin);
    sockets.add(socket);
    return () => void sockets.delete(socket);
  }

  /** A call waits for a connection to this origin. */
  enter(origin: string): void {
    this.#placeOf(origin).waiting++;
  }

  /** A call has its connection, or no longer needs one. */
  leave(origin: string): void {
    const place = this.#placeOf(origin);
    if (--place.waiting === 0) giveUp(place);
  }

  /** Closes all. */
  close(): void {
    for (const place of this.#places.values()) giveUp(place);
  }

  // There are as many entries as upstreams.
  #placeOf(origin: string): PendingCall {
    let place = this.#places.get(origin);
    if (!place) this.#places.set(origin, (place = { waiting: 0, sockets: new Set() }));
    return place;
  }
}

// With an error, which also ends the call that asked for the connection.
function giveUp({ sockets }: PendingCall): void {
  for (const socket of sockets) socket.destroy(new Error("no call waits for this connection"));
}
