// The request of a chat and the place of its text in each API family.

const openai = {
  toRequest: (model, messages) => ["/ai/chat/completions", { model, stream: true, messages }],
  toText: (event) => event.choices?.[0]?.delta?.content ?? "",
};

const DIALECTS = {
  openai,
  anthropic: {
    headers: { "anthropic-version": "2023-06-01" },
    toRequest: (model, messages) => [
      "/ai/messages",
      { model, stream: true, max_tokens: 1024, messages },
    ],
    toText: (event) => event.delta?.text ?? "",
  },
  google: {
    toRequest: (model, messages) => [
      `/ai/models/${encodeURIComponent(model)}:streamGenerateContent?alt=sse`,
      {
        contents: messages.map(({ role, content }) => ({
          role: role === "user" ? "user" : "model",
          parts: [{ text: content }],
        })),
      },
    ],
    toText: (event) =>
      (event.candidates?.[0]?.content?.parts ?? []).map(({ text = "" }) => text).join(""),
  },
};

/** Returns the functions of a dialect; those of OpenAI for an unknown one. */
export function toDialect(name) {
  return DIALECTS[name] ?? openai;
}

/** Reads one event: its text, or its error. */
export function readEvent(dialect, data) {
  if (data === "[DONE]") return { text: "" };
  let event;
  try {
    event = JSON.parse(data);
  } catch {
    return { text: "" };
  }
  return event.error ? { problem: toProblem(event) } : { text: dialect.toText(event) };
}

/** The message of an error body in any dialect. */
export function toProblem(body) {
  const { error } = body ?? {};
  if (typeof error === "string") return error;
  return error?.message ?? "The upstream sent an error without a message.";
}
