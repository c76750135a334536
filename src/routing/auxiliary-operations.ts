// Operations beside the answers of models: their refusals and failures say nothing of those.
import type { Asked, Dialect } from "../contract/dialect.ts";
import { operationOf } from "../dialects/operation-of.ts";

/** Kinds of operations that a model answers. */
const OF_MODELS: ReadonlySet<string> = new Set([
  "generate",
  "embed",
  "transcribe",
  "speak",
  "draw",
  "moderate",
  "rerank",
]);

/** The kind of an auxiliary operation: `count`, `models`, `files`; `undefined` for an operation that a model answers, and for an unknown one. */
export function auxiliaryKind(
  dialect: Dialect,
  { method, path }: Pick<Asked, "method" | "path">,
): string | undefined {
  const kind = operationOf(dialect, method, path)?.kind;
  return kind === undefined || OF_MODELS.has(kind) ? undefined : kind;
}

/**
 * The family of models in which limits on an auxiliary operation are kept, apart from those on the models' answers. No model's own family
 * contains capital letters.
 */
export function auxiliaryFamily(kind: string, family: string): string {
  return `(${kind.toUpperCase()}) ${family}`;
}
