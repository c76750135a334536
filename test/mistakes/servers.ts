/** Other servers that may answer at the configured address. They end with the process. */
import { createServer } from "node:http";
import { createServer as createHTTPS } from "node:https";
import { type AddressInfo, createServer as createTCP, type Server } from "node:net";
import type { Certificate } from "../support/certificates.ts";

const JSON_TYPE = "application/json";

type Kept = readonly [status: number, type: string, body: string];
type Name = "page" | "lost" | "broke" | "googleKey" | "moved";

const OTHERS: Readonly<Record<Name, Kept>> = {
  page: [200, "text/html", "<title>Welcome</title>"],
  lost: [404, "text/html", "<h1>404 Not Found</h1>"],
  broke: [
    429,
    JSON_TYPE,
    '{"error":{"message":"You exceeded your current quota, please check your plan and billing details.","type":"insufficient_quota","code":"insufficient_quota"}}',
  ],
  googleKey: [
    400,
    JSON_TYPE,
    '{"error":{"code":400,"message":"API key not valid. Please pass a valid API key.","status":"INVALID_ARGUMENT","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"API_KEY_INVALID"}]}}',
  ],
  moved: [308, "text/plain", ""],
};

/** Origins by kind of server. */
export type Origins = Record<Name | "nothing" | "mail" | "secure", string>;

/** Starts all of them. Without a certificate, nothing listens for `secure`. */
export async function startServers(certificate: Certificate | undefined): Promise<Origins> {
  const origins = {} as Origins;
  for (const [name, [status, type, body]] of Object.entries(OTHERS)) {
    const headers = { "content-type": type, location: "https://www.example.com/" };
    const server = createServer((message, response) => {
      message.resume();
      response.writeHead(status, headers).end(body);
    });
    origins[name as Name] = `http://${await hostOf(server)}`;
  }
  const greet = createTCP((socket) => {
    socket.on("error", () => {});
    socket.end("220 mail.example ESMTP\r\n");
  });
  origins.mail = `http://${await hostOf(greet)}`;
  const none = createTCP();
  origins.nothing = `http://${await hostOf(none)}`;
  await new Promise((resolve) => none.close(resolve));
  origins.secure = certificate ? `http://${await hostOf(createHTTPS(certificate))}` : "";
  return origins;
}

async function hostOf(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  server.unref();
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}
