// The list of models in the format of each API.
import type { SimulatedDialect } from "../behaviour.ts";
import { decoded } from "../routes.ts";

/** Models listed when the options name none. */
export const DEFAULT_MODELS: readonly string[] = ["gpt-5", "claude-simulated", "gemini-2.5-pro"];

const CREATED = 1_767_225_600;
const CREATED_DATE = "2026-01-01T00:00:00Z";

/** Returns the list of models, or one of them where the path ends with its name. */
export function modelsJson(
  dialect: SimulatedDialect | undefined,
  names: readonly string[],
  path: string,
): object {
  const one = /\/models\/([^/]+)$/.exec(path)?.[1];
  const describe = (name: string): object => describeModel(dialect, name);
  if (one !== undefined) return describe(decoded(one));
  const data = names.map(describe);
  if (dialect === "google") return { models: data };
  if (dialect === "anthropic") {
    return { data, has_more: false, first_id: names[0] ?? null, last_id: names.at(-1) ?? null };
  }
  return { object: "list", data };
}

function describeModel(dialect: SimulatedDialect | undefined, name: string): object {
  if (dialect === "google") {
    const supportedGenerationMethods = ["generateContent", "streamGenerateContent", "countTokens"];
    return { name: `models/${name}`, displayName: name, supportedGenerationMethods };
  }
  if (dialect === "anthropic") {
    return { type: "model", id: name, display_name: name, created_at: CREATED_DATE };
  }
  return { id: name, object: "model", created: CREATED, owned_by: "simulator" };
}
