/** Wrong and missing configurations of the module: what is logged, where, and how the process ends. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type NitroVersion } from "./support/nitro.ts";
import { createApp, KEY, type NitroApp } from "./support/nitro-app.ts";

const LIMIT = 60_000;

// One build for all mistakes; an environment variable selects one.
const RELAY_CONFIG = `
const { env } = process;
const right = {
  upstream: { baseURL: "http://127.0.0.1:9/v1", dialect: "openai" },
  credentials: [{ id: "team-a", apiKey: env.KEY_A || undefined }],
};
const WAYS = {
  option: () => ({ ...right, limits: { attempts: 2 } }),
  throws: () => { throw new Error("the vault is closed"); },
  rejects: () => Promise.reject(new Error("the vault is closed")),
  nothing: () => undefined,
};
export default () => (WAYS[env.MISTAKE] ?? (() => right))();
`;

export function describeMistakes(nitro: NitroVersion): void {
  let app: NitroApp;

  describe("a mistake", () => {
    beforeAll(async () => {
      app = await createApp(nitro, {
        "nitro.config.mjs": `export default { modules: ["h3-relay/nitro"] };`,
        "relay.config.ts": RELAY_CONFIG,
      });
    }, 120_000);
    afterAll(() => app?.close());

    it.each([
      ["a key that is not set", { KEY_A: "" }, "credentials[0] (team-a).apiKey"],
      ["an unknown option", { MISTAKE: "option" }, "limits.attempts"],
      ["a function that throws", { MISTAKE: "throws" }, "the vault is closed"],
      ["a function that rejects", { MISTAKE: "rejects" }, "the vault is closed"],
      ["a function that gives nothing", { MISTAKE: "nothing" }, "relay.config"],
    ])(
      "L13 ends the process at its start with code 1 and one line for %s",
      async (_, env: Record<string, string>, words) => {
        const { code, output } = await app.fail(env);
        expect(code).toBe(1);
        const lines = output.split("\n").filter((line) => line.includes("[relay]"));
        expect(lines).toHaveLength(1);
        expect(lines[0]).toContain(words);
        expect(output).not.toContain(KEY);
        expect(output).not.toMatch(/^\s+at /m);
      },
      LIMIT,
    );

    it(
      "L13 reports it in full in the development server, in the log and in the response, and keeps running",
      async () => {
        const host = await app.dev({ KEY_A: "" });
        const answer = await untilAnswered(`${host.url}/ai/chat/completions`);
        expect(answer).toContain("credentials[0] (team-a).apiKey");
        expect(host.lines.join("\n")).toContain("[relay] The relay's options are wrong");
        expect(await untilAnswered(`${host.url}/ai/models`)).toContain(
          "credentials[0] (team-a).apiKey",
        );
      },
      LIMIT,
    );
  });
}

/** A development server listens before its app is ready. */
async function untilAnswered(url: string): Promise<string> {
  for (const end = Date.now() + 20_000; ;) {
    const text = await fetch(url).then((response) => response.text(), String);
    if (text.includes("ERR_RELAY_") || Date.now() > end) return text;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
