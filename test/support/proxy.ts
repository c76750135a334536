/** A reverse proxy over real sockets that passes on the address of its client; and clients with their own addresses. */
import {
  Agent,
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request,
  type Server,
} from "node:http";
import type { AddressInfo } from "node:net";

export interface Proxy {
  url: string;
  close(): void;
}

/** How a proxy changes the headers of a request; `from` is the address of its own client. */
export type RewriteHeaders = (headers: IncomingHttpHeaders, from: string) => IncomingHttpHeaders;

/** Adds the client's address at the end of X-Forwarded-For, as nginx' `$proxy_add_x_forwarded_for` does. */
export const addForwardedFor: RewriteHeaders = (headers, from) => {
  const before = headers["x-forwarded-for"];
  return {
    ...headers,
    "x-forwarded-for": before === undefined ? from : `${String(before)}, ${from}`,
  };
};

/** Adds an element at the end of the Forwarded header (RFC 7239). */
export const addForwarded: RewriteHeaders = (headers, from) => {
  const before = headers["forwarded"];
  const element = `for="${from}";proto=http`;
  return { ...headers, forwarded: before === undefined ? element : `${before}, ${element}` };
};

/** Starts a proxy on loopback; it passes everything on to `target` and closes when either side does. */
export async function startProxy(target: string, rewrite: RewriteHeaders): Promise<Proxy> {
  const agent = new Agent({ keepAlive: false });
  const server = createServer((message, response) => {
    const headers = rewrite(message.headers, message.socket.remoteAddress!);
    const onward = request(target + message.url!, { method: message.method, headers, agent });
    onward.on("response", (answer) => {
      response.writeHead(answer.statusCode!, answer.headers);
      answer.pipe(response);
    });
    onward.on("error", () => response.destroy());
    response.on("close", () => onward.destroy());
    message.pipe(onward);
  });
  const url = await listen(server);
  return { url, close: () => stop(server) };
}

export async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

export function stop(server: Server): void {
  server.closeAllConnections();
  server.close();
}

export interface Asked {
  status: number;
  headers: IncomingHttpHeaders;
  /** The complete body; resolves when the response has ended. */
  text(): Promise<string>;
  /** Closes the connection. */
  leave(): void;
}

export interface AskOptions {
  /** The client's own address, any of 127.0.0.0/8. */
  from?: string;
  headers?: Record<string, string>;
  stream?: boolean;
}

/** Requests a chat completion on a separate connection, and resolves with the head of the response. */
export function ask(
  url: string,
  { from, headers, stream = true }: AskOptions = {},
): Promise<Asked> {
  const body = JSON.stringify({ model: "gpt-4o", stream, messages: [] });
  const own = { "content-type": "application/json", "content-length": String(body.length) };
  return new Promise((resolve, reject) => {
    const sent = request(`${url}/chat/completions`, {
      method: "POST",
      agent: false,
      headers: { ...own, ...headers },
      ...(from !== undefined && { localAddress: from }),
    });
    sent.on("error", reject);
    sent.on("response", (answer) =>
      resolve({
        status: answer.statusCode!,
        headers: answer.headers,
        text: () => textOf(answer),
        leave: () => void sent.destroy(),
      }),
    );
    sent.end(body);
  });
}

async function textOf(answer: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of answer) text += String(chunk);
  return text;
}
