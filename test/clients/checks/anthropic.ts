/** Uses Anthropic's client as its documentation shows. */
import type Anthropic from "@anthropic-ai/sdk";
import { type Checks, collect, failing, PROMPT, type Target } from "./check.ts";

const ASK = {
  model: "claude-simulated",
  max_tokens: 64,
  messages: [{ role: "user" as const, content: PROMPT }],
};

function textOf(event: Anthropic.MessageStreamEvent): string | undefined {
  return event.type === "content_block_delta" && event.delta.type === "text_delta"
    ? event.delta.text
    : undefined;
}

export function anthropicChecks(Client: typeof Anthropic): Checks {
  const create = (target: Target): Anthropic => new Client(target);
  return {
    async message(target) {
      const { content, stop_reason: finish, usage } = await create(target).messages.create(ASK);
      const text = content.map((block) => (block.type === "text" ? block.text : "")).join("");
      return { text, finish, outputTokens: usage.output_tokens };
    },
    async streamedMessage(target) {
      return collect(await create(target).messages.create({ ...ASK, stream: true }), textOf);
    },
    async streamedFinalMessage(target) {
      const message = await create(target).messages.stream(ASK).finalMessage();
      const text = message.content
        .map((block) => (block.type === "text" ? block.text : ""))
        .join("");
      return { text, finish: message.stop_reason, outputTokens: message.usage.output_tokens };
    },
    async countedTokens(target) {
      const { input_tokens: tokens } = await create(target).messages.countTokens({
        model: ASK.model,
        messages: ASK.messages,
      });
      return { names: [typeof tokens] };
    },
    async models(target) {
      const { data } = await create(target).models.list();
      return { names: data.map(({ id }) => id) };
    },
    refused: (target) => failing(() => create(target).messages.create(ASK)),
    refusedStream: (target) =>
      failing(() => create(target).messages.create({ ...ASK, stream: true })),
    async aborted(target) {
      const stream = await create(target).messages.create({ ...ASK, stream: true });
      return collect(stream, textOf, () => stream.controller.abort());
    },
  };
}
