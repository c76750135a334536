// Writes a response as a web `Response`: a pull stream, so that a slow client slows the upstream.
import type { HeaderList, Sink, SinkListener } from "../contract/sink.ts";
import { CONNECTION_SPECIFIC } from "./headers.ts";

/** Number of bytes that may be buffered in the stream before the upstream is paused. */
const HIGH_WATER = 65_536;
const NULL_BODY = new Set([101, 204, 205, 304]);
/** Status for a host that still waits for a response when its client has left. */
const CLIENT_GONE = 499;
/** An empty SSE comment, which clients ignore. */
const COMMENT: Uint8Array = new TextEncoder().encode(":\n\n");

export class WebResponseSink implements Sink {
  listener: SinkListener | undefined;
  /** Settles when status and headers are known, or when the client has left before. */
  readonly response: Promise<Response>;
  #respond!: (response: Response) => void;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #state: "open" | "writing" | "over" | "left" = "open";
  readonly #isHead: boolean;
  readonly #isRemote: boolean;

  /** `isRemote`: a host sends the body to a client; otherwise the reader may be in the same process. */
  constructor(method: string, isRemote = false) {
    this.#isHead = method === "HEAD";
    this.#isRemote = isRemote;
    this.response = new Promise((resolve) => (this.#respond = resolve));
  }

  get #isLive(): boolean {
    return this.#state === "open" || this.#state === "writing";
  }

  get closed(): boolean {
    return this.#state === "left";
  }

  get backlog(): number | undefined {
    const room = this.#isRemote ? this.#controller?.desiredSize : undefined;
    return typeof room === "number" ? HIGH_WATER - room : undefined;
  }

  head(status: number, headers: HeaderList): void {
    // The connection is the host's own: over HTTP/2, such a header would end the request.
    const passed = headers.filter(([name]) => !CONNECTION_SPECIFIC.has(name));
    const init: ResponseInit = { status, headers: new Headers(passed) };
    const hasBody = !this.#isHead && !NULL_BODY.has(status);
    const response = new Response(hasBody ? this.#body() : null, init);
    this.#respond(response);
    if (response.headers.get("content-type")?.startsWith("text/event-stream"))
      queueMicrotask(() => this.#flush());
  }

  // Hosts hold the head back until the first byte of the body, which may come late.
  #flush(): void {
    if (this.#state === "open") this.write(COMMENT);
  }

  #body(): ReadableStream<Uint8Array> {
    const source: UnderlyingDefaultSource<Uint8Array> = {
      start: (controller) => void (this.#controller = controller),
      pull: () => this.listener?.onDrain(),
      cancel: () => this.#leave(),
    };
    return new ReadableStream(source, {
      highWaterMark: HIGH_WATER,
      size: (chunk) => chunk!.byteLength,
    });
  }

  write(bytes: Uint8Array): boolean {
    if (!this.#controller || !this.#isLive) return true;
    this.#state = "writing";
    this.#controller.enqueue(bytes);
    return this.#controller.desiredSize! > 0;
  }

  end(): void {
    if (!this.#isLive) return;
    this.#state = "over";
    this.#controller?.close();
  }

  // The only place where an error is intended: a host turns it into a broken connection, which no client can mistake for a complete
  // response (I18).
  destroy(): void {
    if (!this.#isLive) return;
    this.#state = "over";
    this.#respond(new Response(null, { status: 500 }));
    this.#controller?.error(new Error("the upstream's response was interrupted"));
  }

  /** The client has left, according to the request's own signal. A host that continues to read must not wait for ever. */
  close(): void {
    if (!this.#isLive) return;
    this.#leave();
    this.#controller?.close();
  }

  #leave(): void {
    if (!this.#isLive) return;
    this.#state = "left";
    this.#respond(new Response(null, { status: CLIENT_GONE }));
    this.listener?.onClose();
  }
}
