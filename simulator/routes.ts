// Finds the operation of a path. Any prefix may precede the version: `/pool-2/v1/chat/completions`.
import type { SimulatedDialect } from "./behaviour.ts";

export type Operation =
  | "chat"
  | "responses"
  | "embeddings"
  | "models"
  | "messages"
  | "count-tokens"
  | "generate"
  | "generic"
  | "sign-up"
  | "graphql"
  | "exchange"
  | "secure-token"
  | "oauth-token";

export interface Route {
  dialect: SimulatedDialect;
  operation: Operation;
  /** The model, where it is part of the path. */
  model?: string;
  /** Whether the path requests a stream; `undefined` leaves it to the body. */
  stream?: boolean;
}

interface Row extends Route {
  method: "GET" | "POST";
  path: RegExp;
}

const ROWS: readonly Row[] = [
  { method: "POST", path: /\/v1\/chat\/completions$/, dialect: "openai", operation: "chat" },
  { method: "POST", path: /\/v1\/responses$/, dialect: "openai", operation: "responses" },
  { method: "POST", path: /\/v1\/embeddings$/, dialect: "openai", operation: "embeddings" },
  { method: "POST", path: /\/v1\/messages$/, dialect: "anthropic", operation: "messages" },
  {
    method: "POST",
    path: /\/v1\/responses\/input_tokens$/,
    dialect: "openai",
    operation: "count-tokens",
  },
  {
    method: "POST",
    path: /\/v1\/messages\/count_tokens$/,
    dialect: "anthropic",
    operation: "count-tokens",
  },
  { method: "GET", path: /\/v1\/models(\/[^/]+)?$/, dialect: "openai", operation: "models" },
  { method: "GET", path: /\/v1beta\/models(\/[^/]+)?$/, dialect: "google", operation: "models" },
  {
    method: "POST",
    path: /\/v1(?:beta)?\/models\/([^/:]+):generateContent$/,
    dialect: "google",
    operation: "generate",
    stream: false,
  },
  {
    method: "POST",
    path: /\/v1(?:beta)?\/models\/([^/:]+):streamGenerateContent$/,
    dialect: "google",
    operation: "generate",
    stream: true,
  },
  {
    method: "POST",
    path: /\/v1(?:beta)?\/models\/([^/:]+):countTokens$/,
    dialect: "google",
    operation: "count-tokens",
  },
  { method: "POST", path: /\/generic(\/|$)/, dialect: "generic", operation: "generic" },
  { method: "POST", path: /\/v1\/accounts:signUp$/, dialect: "auth", operation: "sign-up" },
  {
    method: "POST",
    path: /\/v1\/accounts:signInWithCustomToken$/,
    dialect: "auth",
    operation: "exchange",
  },
  { method: "POST", path: /\/graphql$/, dialect: "auth", operation: "graphql" },
  { method: "POST", path: /\/oauth\/token$/, dialect: "auth", operation: "oauth-token" },
  { method: "POST", path: /\/v1\/token$/, dialect: "auth", operation: "secure-token" },
];

const MEMO_SIZE = 1000;
const memo = new Map<string, Route | undefined>();

/** A dialect that is recognised by the request's headers: `/v1/models` exists in all of them. */
export type Spoken = "anthropic" | "google" | undefined;

/** Returns the operation of a path; `undefined` is a 404. */
export function routeOf(method: string, path: string, spoken: Spoken): Route | undefined {
  const key = `${method} ${spoken} ${path}`;
  if (memo.has(key)) return memo.get(key);
  const route = findRoute(method, path, spoken);
  if (memo.size >= MEMO_SIZE) memo.clear();
  memo.set(key, route);
  return route;
}

/** Decodes percent-encoding; a text that is not validly encoded is returned unchanged. */
export function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function findRoute(method: string, path: string, spoken: Spoken): Route | undefined {
  if (/\/v1(beta)?\/v1(beta)?\//.test(path)) return undefined;
  for (const row of ROWS) {
    const found = row.method === method ? row.path.exec(path) : null;
    if (found === null) continue;
    const dialect = (row.operation === "models" && spoken) || row.dialect;
    const namesModel = row.operation === "generate" || row.operation === "count-tokens";
    const model = namesModel && found[1] ? decoded(found[1]) : undefined;
    return { dialect, operation: row.operation, model, stream: row.stream };
  }
  return undefined;
}
