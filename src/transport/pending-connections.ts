// Connections that are being made. One that nobody waits for any more is given up, so that it takes no socket (E16).

/** A socket that does not stand yet; the part of it that is used. */
export interface Connecting {
  destroy(error: Error): unknown;
}

interface PendingCall {
  waiting: number;
  sockets: Set<Connecting>;
}

export class PendingConnections {
  readonly #places = new Map<string, PendingCall>();

  /** A connection is being made; returns what is to be called when it stands or has failed. */
  add(origin: string, socket: Connecting): () => void {
    const { sockets } = this.#placeOf(origin);
    sockets.add(socket);
    return () => void sockets.delete(socket);
  }

  /** A call waits for a connection to this origin. */
  enter(origin: string): void {
    this.#placeOf(origin).waiting++;
  }

  /** A call has its connection, or wants none any more. */
  leave(origin: string): void {
    const place = this.#placeOf(origin);
    if (--place.waiting === 0) giveUp(place);
  }

  /** Gives all up. */
  close(): void {
    for (const place of this.#places.values()) giveUp(place);
  }

  // There are as many as upstreams.
  #placeOf(origin: string): PendingCall {
    let place = this.#places.get(origin);
    if (!place) this.#places.set(origin, (place = { waiting: 0, sockets: new Set() }));
    return place;
  }
}

// With an error: it is what tells the one who asked for the connection.
function giveUp({ sockets }: PendingCall): void {
  for (const socket of sockets) socket.destroy(new Error("nobody waits for this connection"));
}
