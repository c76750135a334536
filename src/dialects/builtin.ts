/** The built-in dialects by name. */
import type { Dialect } from "../contract/dialect.ts";
import { anthropic } from "./anthropic.ts";
import { generic } from "./generic.ts";
import { google } from "./google.ts";
import { openai } from "./openai.ts";

/** Maps each name of a built-in dialect to the dialect. */
export const DIALECTS: Record<string, Dialect> = { openai, anthropic, google, generic };
