/** Uses OpenAI's client as its documentation shows. */
import type OpenAI from "openai";
import { type Checks, collect, failing, PROMPT, type Target } from "./check.ts";

const MODEL = "gpt-4o";
const CHAT = { model: MODEL, messages: [{ role: "user" as const, content: PROMPT }] };

export function openaiChecks(Client: typeof OpenAI): Checks {
  const create = (target: Target): OpenAI => new Client(target);
  return {
    async chat(target) {
      const { choices, usage } = await create(target).chat.completions.create(CHAT);
      return {
        text: choices[0]!.message.content!,
        finish: choices[0]!.finish_reason,
        outputTokens: usage!.completion_tokens,
      };
    },
    async streamedChat(target) {
      const stream = await create(target).chat.completions.create({ ...CHAT, stream: true });
      return collect(stream, (chunk) => chunk.choices[0]?.delta.content ?? undefined);
    },
    async response(target) {
      const { output_text: text, usage } = await create(target).responses.create({
        model: MODEL,
        input: PROMPT,
      });
      return { text, outputTokens: usage!.output_tokens };
    },
    async streamedResponse(target) {
      const stream = await create(target).responses.create({
        model: MODEL,
        input: PROMPT,
        stream: true,
      });
      return collect(stream, (event) =>
        event.type === "response.output_text.delta" ? event.delta : undefined,
      );
    },
    async models(target) {
      const { data } = await create(target).models.list();
      return { names: data.map(({ id }) => id) };
    },
    async embeddings(target) {
      const { data } = await create(target).embeddings.create({ model: "small", input: PROMPT });
      return { names: data.map(({ embedding }) => typeof embedding[0]) };
    },
    refused: (target) => failing(() => create(target).chat.completions.create(CHAT)),
    refusedStream: (target) =>
      failing(() => create(target).chat.completions.create({ ...CHAT, stream: true })),
    async aborted(target) {
      const stream = await create(target).chat.completions.create({ ...CHAT, stream: true });
      return collect(
        stream,
        (chunk) => chunk.choices[0]?.delta.content ?? undefined,
        () => stream.controller.abort(),
      );
    },
  };
}
