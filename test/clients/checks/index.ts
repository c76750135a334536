/** All checks by client. The caller's folder determines the version of the client. */
import { aiChecks } from "./ai.ts";
import { anthropicChecks } from "./anthropic.ts";
import type { Checks } from "./check.ts";
import { googleChecks } from "./google.ts";
import { openaiChecks } from "./openai.ts";

export type ClientName = "openai" | "anthropic" | "google" | "ai";

export interface Clients {
  OpenAI: Parameters<typeof openaiChecks>[0];
  Anthropic: Parameters<typeof anthropicChecks>[0];
  GoogleGenAI: Parameters<typeof googleChecks>[0];
  ai: Parameters<typeof aiChecks>[0];
}

export function allChecks({
  OpenAI,
  Anthropic,
  GoogleGenAI,
  ai,
}: Clients): Record<ClientName, Checks> {
  return {
    openai: openaiChecks(OpenAI),
    anthropic: anthropicChecks(Anthropic),
    google: googleChecks(GoogleGenAI),
    ai: aiChecks(ai),
  };
}
