// Embeddings as OpenAI's API writes them.
import type { Ask } from "../ask.ts";
import { fieldOf } from "../inbound.ts";
import { createRandom, hash } from "../text.ts";

const DIMENSIONS = 8;

/** Returns one seeded vector per input, as numbers or, where requested, as base64. */
export function embeddingsJson(ask: Ask): object {
  const input = fieldOf(ask.json, "input");
  const inputs: unknown[] = Array.isArray(input) ? input : [input];
  const encoded = fieldOf(ask.json, "encoding_format") === "base64";
  const data = inputs.map((one, index) => {
    const vector = vectorOf(JSON.stringify(one ?? null));
    const embedding = encoded ? Buffer.from(vector.buffer).toString("base64") : [...vector];
    return { object: "embedding", index, embedding };
  });
  const usage = { prompt_tokens: ask.inputTokens, total_tokens: ask.inputTokens };
  return { object: "list", data, model: ask.model, usage };
}

function vectorOf(text: string): Float32Array {
  const random = createRandom(hash(text, 0));
  return Float32Array.from({ length: DIMENSIONS }, () => random() * 2 - 1);
}
