/** Token counts, under the names that the known APIs use. */
import type { Usage } from "../../contract/dialect.ts";
import { asFields, parseJson, type Fields } from "../../shared/json.ts";

const INPUT = ["prompt_tokens", "input_tokens", "promptTokenCount"];
const OUTPUT = ["completion_tokens", "output_tokens", "candidatesTokenCount"];
const TOTAL = ["total_tokens", "totalTokenCount"];
/** Objects that may wrap the usage object in an event. */
const HOLDERS = ["response", "message", "x_groq"];

/** Finds token counts in an event or a JSON body; `undefined` where there are none. */
export function readUsage(data: string): Usage | undefined {
  if (!data.includes('"usage')) return undefined;
  const event = asFields(parseJson(data));
  const counts = event && findCounts(event);
  return counts && toUsage(counts);
}

function findCounts(event: Fields): Fields | undefined {
  for (const holder of [event, ...HOLDERS.map((name) => asFields(event[name]))]) {
    const counts = asFields(holder?.["usage"]) ?? asFields(holder?.["usageMetadata"]);
    if (counts) return counts;
  }
  return undefined;
}

function toUsage(counts: Fields): Usage | undefined {
  const usage: Usage = {};
  const input = firstCount(counts, INPUT);
  const output = firstCount(counts, OUTPUT);
  const total = firstCount(counts, TOTAL);
  if (input !== undefined) usage.inputTokens = input;
  if (output !== undefined)
    usage.outputTokens = output + (firstCount(counts, ["thoughtsTokenCount"]) ?? 0);
  if (total !== undefined) usage.totalTokens = total;
  return input === undefined && output === undefined && total === undefined ? undefined : usage;
}

function firstCount(counts: Fields, names: readonly string[]): number | undefined {
  for (const name of names) {
    const count = counts[name];
    if (typeof count === "number" && count >= 0 && Number.isFinite(count)) return count;
  }
  return undefined;
}
