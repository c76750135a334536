import type { Sink, SinkListener } from "../../src/contract/sink.ts";
import { createServer, get, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { once } from "node:events";
import { afterEach, describe, expect, it } from "vitest";
import { NodeResponseSink } from "../../src/http/node-response.ts";
import { WebResponseSink } from "../../src/http/web-response.ts";

const close: (() => Promise<void>)[] = [];
afterEach(async () => {
  while (close.length > 0) await close.pop()!();
});

function listenWith(heard: { onClose?: () => unknown; onDrain?: () => unknown }): SinkListener {
  return { onClose: () => void heard.onClose?.(), onDrain: () => void heard.onDrain?.() };
}

interface Seen {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  /** Reads to the end; rejects where the connection breaks. */
  text(): Promise<string>;
  leave(): void;
}

/** One way to bring a sink's output to a client. */
type Host = (method: string, use: (sink: Sink) => void) => Promise<Seen>;

const hosts: Record<string, Host> = {
  async node(method, use) {
    const sinks: NodeResponseSink[] = [];
    const seen = await serve(method, (response) => {
      const sink = new NodeResponseSink(response, response.req);
      sinks.push(sink);
      use(sink);
    });
    return seen;
  },
  async web(method, use) {
    const sink = new WebResponseSink(method);
    use(sink);
    const response = await sink.response;
    const source = response.body?.getReader();
    return {
      status: response.status,
      headers: Object.fromEntries(response.headers),
      async text() {
        let text = "";
        for (;;) {
          const { done, value } = (await source?.read()) ?? { done: true, value: undefined };
          if (done || !value) return text;
          text += new TextDecoder().decode(value);
        }
      },
      leave: () => void source?.cancel().catch(() => {}),
    };
  },
};

async function serve(method: string, use: (response: ServerResponse) => void): Promise<Seen> {
  const server = createServer((_request, response) => use(response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  close.push(async () => {
    server.closeAllConnections();
    await new Promise<void>((resolve) => void server.close(() => resolve()));
  });
  const { port } = server.address() as AddressInfo;
  const request = get({ port, host: "127.0.0.1", method, agent: false });
  request.on("error", () => {});
  const [response] = (await once(request, "response")) as [IncomingMessage];
  return {
    status: response.statusCode!,
    headers: response.headers,
    async text() {
      let text = "";
      for await (const chunk of response) text += String(chunk);
      return text;
    },
    leave: () => void response.destroy(),
  };
}

const encoder = new TextEncoder();
const SSE: [string, string][] = [["content-type", "text/event-stream"]];

describe.each(Object.entries(hosts))("the %s sink", (_name, host) => {
  it("sends status, headers, several headers of one name, and the body", async () => {
    const seen = await host("GET", (sink) => {
      sink.head(201, [
        ["x-a", "1"],
        ["set-cookie", "a=1"],
        ["set-cookie", "b=2"],
      ]);
      sink.write(encoder.encode("one "));
      sink.write(encoder.encode("two"));
      sink.end();
    });
    expect(seen.status).toBe(201);
    expect(seen.headers["x-a"]).toBe("1");
    expect(String(seen.headers["set-cookie"])).toMatch(/a=1.*b=2|b=2/);
    expect(await seen.text()).toBe("one two");
  });

  it("I1 sends a head before there is a body", async () => {
    let used: Sink | undefined;
    const seen = await host("GET", (sink) => {
      used = sink;
      sink.head(200, SSE);
    });
    expect(seen.status).toBe(200);
    used!.write(encoder.encode("data: x\n\n"));
    used!.end();
    expect((await seen.text()).replace(":\n\n", "")).toBe("data: x\n\n");
  });

  it.each([
    ["HEAD", 200],
    ["GET", 204],
  ] as const)("sends no body for %s and %i", async (method, status) => {
    const seen = await host(method, (sink) => {
      sink.head(status, []);
      if (method === "HEAD") sink.write(encoder.encode("nobody reads this"));
      sink.end();
    });
    expect(seen.status).toBe(status);
    expect(await seen.text()).toBe("");
  });

  it("I18 breaks the connection so that the client notices, and does not report it as the client's leaving", async () => {
    let left = 0;
    let used: Sink | undefined;
    const seen = await host("GET", (sink) => {
      used = sink;
      sink.listener = listenWith({ onClose: () => left++ });
      sink.head(200, []);
      sink.write(encoder.encode("half"));
      setImmediate(() => sink.destroy());
    });
    await expect(seen.text()).rejects.toThrow();
    expect(left).toBe(0);
    expect(used!.closed).toBe(false);
    used!.end();
    used!.destroy();
  });

  it("I4 reports once that the client has left, and writes nothing after that", async () => {
    let left = 0;
    let used: Sink | undefined;
    const gone = new Promise<void>((resolve) => {
      void host("GET", (sink) => {
        used = sink;
        sink.listener = listenWith({ onClose: () => (left++, resolve()) });
        sink.head(200, []);
        sink.write(encoder.encode("x"));
      }).then((seen) => seen.leave());
    });
    await gone;
    expect(used!.closed).toBe(true);
    expect(used!.write(encoder.encode("y"))).toBe(true);
    used!.end();
    used!.destroy();
    expect(left).toBe(1);
  });

  it("I4 does not report the end of a complete response as the client's leaving", async () => {
    let left = 0;
    let used: Sink | undefined;
    const seen = await host("GET", (sink) => {
      used = sink;
      sink.listener = listenWith({ onClose: () => left++ });
      sink.head(200, []);
      sink.write(encoder.encode("whole"));
      sink.end();
    });
    expect(await seen.text()).toBe("whole");
    seen.leave();
    while (close.length > 0) await close.pop()!();
    expect(left).toBe(0);
    expect(used!.closed).toBe(false);
  });

  it("I10 reports when the client is slow, and when it reads again", async () => {
    let used: Sink | undefined;
    let drained = 0;
    const piece = new Uint8Array(16_000_000);
    let written = 0;
    const seen = await host("GET", (sink) => {
      used = sink;
      sink.listener = listenWith({ onDrain: () => drained++ });
      sink.head(200, []);
      while (sink.write(piece)) written++;
      written++;
    });
    expect(written).toBe(1);
    const before = drained;
    const reading = seen.text();
    await until(() => drained > before);
    used!.end();
    expect((await reading).length).toBe(written * piece.length);
  });
});

describe("the node sink", () => {
  it("keeps headers that were set before, except those it sets itself", async () => {
    const seen = await serve("GET", (response) => {
      response.setHeader("x-host", "1");
      response.setHeader("x-both", "host");
      const sink = new NodeResponseSink(response, response.req);
      sink.head(200, [["x-both", "relay"]]);
      sink.end();
    });
    expect(seen.headers).toMatchObject({ "x-host": "1", "x-both": "relay" });
  });

  it("is finished when the response is, for every reason", async () => {
    const how: Promise<void>[] = [];
    const use = (stop: (sink: NodeResponseSink) => void) => (response: ServerResponse) => {
      const sink = new NodeResponseSink(response, response.req);
      how.push(sink.finished);
      sink.head(200, []);
      sink.write(encoder.encode("x"));
      stop(sink);
    };
    await (
      await serve(
        "GET",
        use((sink) => sink.end()),
      )
    ).text();
    (
      await serve(
        "GET",
        use(() => {}),
      )
    ).leave();
    await (
      await serve(
        "GET",
        use((sink) => setImmediate(() => sink.destroy())),
      )
    )
      .text()
      .catch(() => {});
    expect(await Promise.all(how)).toHaveLength(3);
  });

  it("notices a client that left before it began", async () => {
    const seen = new Promise<NodeResponseSink>((resolve) => {
      void serve("GET", (response) => {
        response.on("close", () => resolve(new NodeResponseSink(response, response.req)));
        response.destroy();
      }).catch(() => {});
    });
    const sink = await seen;
    expect(sink.closed).toBe(true);
    sink.head(200, []);
    sink.end();
    await sink.finished;
  });
});

describe("the web sink", () => {
  it("I4 settles its response where the client left before a head", async () => {
    const sink = new WebResponseSink("GET");
    let left = 0;
    sink.listener = listenWith({ onClose: () => left++ });
    sink.close();
    sink.close();
    expect((await sink.response).status).toBe(499);
    expect(left).toBe(1);
    sink.head(200, []);
    sink.write(encoder.encode("x"));
    sink.end();
  });
});

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}
