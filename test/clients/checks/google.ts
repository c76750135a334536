/** Uses Google's client as its documentation shows. It never retries by itself. */
import type { GoogleGenAI } from "@google/genai";
import { type Checks, collect, failing, PROMPT, type Target } from "./check.ts";

const ASK = { model: "gemini-2.5-pro", contents: PROMPT };

export function googleChecks(Client: typeof GoogleGenAI): Checks {
  const create = ({ apiKey, baseURL }: Target): GoogleGenAI =>
    new Client({ apiKey, httpOptions: { baseUrl: baseURL } });
  return {
    async content(target) {
      const { text, usageMetadata, candidates } = await create(target).models.generateContent(ASK);
      return {
        text,
        finish: candidates![0]!.finishReason,
        outputTokens: usageMetadata!.candidatesTokenCount,
      };
    },
    async streamedContent(target) {
      return collect(await create(target).models.generateContentStream(ASK), ({ text }) => text);
    },
    async models(target) {
      const names: string[] = [];
      for await (const { name } of await create(target).models.list()) names.push(name!);
      return { names };
    },
    refused: (target) => failing(() => create(target).models.generateContent(ASK)),
    refusedStream: (target) => failing(() => create(target).models.generateContentStream(ASK)),
    async aborted(target) {
      const controller = new AbortController();
      const stream = await create(target).models.generateContentStream({
        ...ASK,
        config: { abortSignal: controller.signal },
      });
      return collect(
        stream,
        ({ text }) => text,
        () => controller.abort(),
      );
    },
  };
}
