// Calls the simulator in the tests.
import type { Simulator } from "../../simulator/index.ts";

export const CHAT: { model: string; stream: boolean; messages: object[] } = {
  model: "gpt-5",
  stream: true,
  messages: [{ role: "user", content: "Hello" }],
};

/** Posts a body to the simulator; `key` is sent where OpenAI's clients put it. */
export function ask(
  upstream: Simulator,
  body: object,
  options: {
    path?: string;
    key?: string;
    headers?: Record<string, string>;
    signal?: AbortSignal;
  } = {},
): Promise<Response> {
  const { path = "/v1/chat/completions", key = "sk-one", headers, signal } = options;
  return fetch(upstream.url + path, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
    signal,
  });
}
