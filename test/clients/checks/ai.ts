/** Uses the Vercel AI SDK with a provider for OpenAI-like APIs, as its documentation shows. */
import type { generateText, streamText } from "ai";
import type { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { type Checks, failing, PROMPT, type Seen, type Target, toSeen } from "./check.ts";

export interface AI {
  createOpenAICompatible: typeof createOpenAICompatible;
  generateText: typeof generateText;
  streamText: typeof streamText;
}

export function aiChecks({ createOpenAICompatible, generateText, streamText }: AI): Checks {
  const ask = ({ baseURL, apiKey, maxRetries }: Target) => ({
    model: createOpenAICompatible({ name: "relay", baseURL, apiKey, includeUsage: true })("gpt-4o"),
    prompt: PROMPT,
    maxRetries,
  });

  async function read(target: Target, controller?: AbortController): Promise<Seen> {
    const seen: Seen = { text: "" };
    const { fullStream } = streamText({
      ...ask(target),
      abortSignal: controller?.signal,
      onError: () => {},
    });
    for await (const part of fullStream) {
      if (part.type === "error") seen.error = toSeen(part.error);
      if (part.type === "finish") {
        seen.finish = part.finishReason;
        seen.outputTokens = part.totalUsage.outputTokens;
      }
      if (part.type !== "text-delta") continue;
      seen.text += part.text;
      controller?.abort();
    }
    return seen;
  }

  return {
    async text(target) {
      const { text, finishReason: finish, usage } = await generateText(ask(target));
      return { text, finish, outputTokens: usage.outputTokens };
    },
    streamedText: (target) => read(target),
    refused: (target) => failing(() => generateText(ask(target))),
    refusedStream: (target) => read(target),
    aborted: (target) => read(target, new AbortController()),
  };
}
