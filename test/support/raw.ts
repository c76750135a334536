/** Sends HTTP/1.1 over a bare socket, for requests that no client would send. */
import { connect, type Socket } from "node:net";

export interface RawAnswer {
  status: number;
  /** By lower-case name; several of one name are joined by `, `. */
  headers: Record<string, string>;
  body: string;
  text: string;
}

/** Sends `text` unchanged and resolves with everything received until the server closed the connection. */
export function sendRaw(url: string, text: string | Uint8Array): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const socket = openRaw(url, text);
    let answer = "";
    socket.setEncoding("latin1");
    socket.on("data", (chunk: string) => (answer += chunk));
    socket.on("error", reject);
    socket.on("close", () => resolve(parse(answer)));
  });
}

/** Opens a socket to a server and sends `text`; the test does the rest. */
export function openRaw(url: string, text: string | Uint8Array): Socket {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.write(text);
  return socket;
}

/** A request that asks for the connection to be closed, line by line. */
export function rawRequest(line: string, headers: readonly string[] = [], body = ""): string {
  const length = body === "" ? [] : [`content-length: ${Buffer.byteLength(body)}`];
  const host = headers.some((header) => /^host:/i.test(header)) ? [] : ["host: relay.test"];
  return [`${line} HTTP/1.1`, ...host, "connection: close", ...length, ...headers, "", body].join(
    "\r\n",
  );
}

function parse(text: string): RawAnswer {
  const end = text.indexOf("\r\n\r\n");
  const [first = "", ...lines] = text.slice(0, end).split("\r\n");
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const at = line.indexOf(":");
    const name = line.slice(0, at).toLowerCase();
    const value = line.slice(at + 1).trim();
    headers[name] = name in headers ? `${headers[name]}, ${value}` : value;
  }
  const body = text.slice(end + 4);
  const isChunked = headers["transfer-encoding"] === "chunked";
  return {
    status: Number(first.split(" ")[1]),
    headers,
    body: isChunked ? unchunk(body) : body,
    text,
  };
}

function unchunk(body: string): string {
  let whole = "";
  for (let at = 0; at < body.length;) {
    const end = body.indexOf("\r\n", at);
    const size = parseInt(body.slice(at, end), 16);
    if (!(size > 0)) break;
    whole += body.slice(end + 2, end + 2 + size);
    at = end + 2 + size + 2;
  }
  return whole;
}
