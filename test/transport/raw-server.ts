/** A server that answers each request with given bytes. */
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";

export class RawServer {
  /** Closes the connection, in place of a response. */
  static readonly END: string = "\u0000END";
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** Received requests, as text. */
  readonly requests: string[] = [];

  static async start(answers: readonly (string | Uint8Array)[]): Promise<RawServer> {
    const server = new RawServer(answers);
    await new Promise<void>((resolve) => server.#server.listen(0, "127.0.0.1", resolve));
    return server;
  }

  private constructor(answers: readonly (string | Uint8Array)[]) {
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => this.#sockets.delete(socket));
      socket.on("data", (chunk) => {
        this.requests.push(chunk.toString("latin1"));
        for (const answer of answers) {
          if (answer === RawServer.END) socket.end();
          else socket.write(answer);
        }
      });
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  get #port(): number {
    return (this.#server.address() as AddressInfo | null)?.port ?? this.#lastPort;
  }

  #lastPort = 0;

  /** Closes every connection from this side; resolves when they have ended. */
  async closeSockets(): Promise<void> {
    const gone = [...this.#sockets].map(
      (socket) => new Promise<void>((resolve) => socket.once("close", () => resolve())),
    );
    for (const socket of this.#sockets) socket.end();
    await Promise.all(gone);
  }

  async close(): Promise<void> {
    this.#lastPort = this.#port;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}
