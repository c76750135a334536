/** The dialects that are built in, by the name an operator gives. */
import type { Dialect } from "../contract/dialect.ts";
import { anthropic } from "./anthropic.ts";
import { generic } from "./generic.ts";
import { google } from "./google.ts";
import { openai } from "./openai.ts";

/** Maps the name of each built-in dialect to it. */
export const DIALECTS: Record<string, Dialect> = { openai, anthropic, google, generic };
