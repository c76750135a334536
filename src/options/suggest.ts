// Finds the name that was meant: another spelling, a synonym, or a typo.

/** Synonyms, in lower case without `_` and `-`, and the options that they may mean, the most likely first. */
const WORDS: Readonly<Record<string, readonly string[]>> = {
  url: ["baseURL", "tokenURL"],
  uri: ["baseURL"],
  apiurl: ["baseURL"],
  apibase: ["baseURL"],
  baseuri: ["baseURL"],
  endpoint: ["baseURL"],
  host: ["baseURL"],
  target: ["baseURL"],
  key: ["apiKey"],
  accesskey: ["apiKey"],
  apitoken: ["apiKey"],
  authtoken: ["apiKey"],
  bearer: ["apiKey"],
  accesstoken: ["apiKey"],
  secretkey: ["apiKey"],
  type: ["dialect"],
  provider: ["dialect", "upstream"],
  providers: ["upstreams"],
  format: ["dialect"],
  vendor: ["dialect"],
  protocol: ["dialect"],
  upstreamurl: ["upstream"],
  name: ["id", "name"],
  keys: ["credentials"],
  accounts: ["credentials"],
  apikeys: ["credentials"],
  perclient: ["perCaller"],
  perip: ["perCaller"],
  peruser: ["perCaller"],
  ratelimit: ["limits"],
  ratelimits: ["limits"],
  priority: ["tier"],
  rank: ["tier"],
  level: ["tier"],
  concurrency: ["concurrent", "maxInFlight"],
  maxconcurrency: ["maxInFlight"],
  maxconcurrent: ["maxInFlight"],
  maxrequests: ["maxInFlight", "expectedRequests"],
  retries: ["maxAttempts"],
  maxretries: ["maxAttempts"],
  attempts: ["maxAttempts"],
  timeout: ["totalTimeout"],
  keepalive: ["heartbeat"],
  ping: ["heartbeat"],
  ttl: ["sessionTTL"],
  session: ["sessionKey"],
  sticky: ["sessionKey"],
  store: ["storage"],
  redis: ["storage"],
  kv: ["storage"],
  database: ["storage"],
  prefix: ["base"],
  namespace: ["base"],
  keyprefix: ["base"],
  path: ["mount"],
  route: ["mount"],
  basepath: ["mount"],
  mountpath: ["mount"],
  auth: ["authorize"],
  authenticate: ["authorize"],
  authorization: ["authorize"],
  guard: ["authorize"],
  logger: ["log"],
  encryptionkey: ["secret"],
  password: ["secret"],
  replicas: ["instances"],
  workers: ["instances"],
  origins: ["origin"],
  fallbacks: ["fallback"],
  proxytrust: ["trustProxy"],
  ip: ["clientAddress"],
  // Values: dialects and modes.
  gpt: ["openai"],
  chatgpt: ["openai"],
  openaicompatible: ["openai"],
  azure: ["openai"],
  groq: ["openai"],
  mistral: ["openai"],
  deepseek: ["openai"],
  openrouter: ["openai"],
  ollama: ["openai"],
  claude: ["anthropic"],
  gemini: ["google"],
  vertex: ["google"],
  googleai: ["google"],
  sse: ["generic"],
  custom: ["generic"],
  balanced: ["balance"],
  cache: ["cache-first"],
  performance: ["performance-first"],
  rr: ["round-robin"],
  leastconnections: ["least-in-flight"],
};

/** Returns the one of `names` that `word` most likely means; `undefined` if none is similar. */
export function nearest(word: string, names: readonly string[]): string | undefined {
  return sameAs(word, names) ?? slipOf(word, names);
}

/** Returns the one of `names` of which `word` is another spelling (`base_url`) or a synonym (`url`). */
export function sameAs(word: string, names: readonly string[]): string | undefined {
  const plain = toPlain(word);
  const same = names.find((name) => toPlain(name) === plain);
  return same ?? synonymsOf(word).find((name) => names.includes(name));
}

/** Returns the one of `names` that differs from `word` by one or two typos. */
export function slipOf(word: string, names: readonly string[]): string | undefined {
  const plain = toPlain(word);
  if (plain.length > 64) return undefined;
  const slips = plain.length < 3 ? 0 : plain.length < 6 ? 1 : 2;
  let best: string | undefined;
  let least = slips + 1;
  for (const name of names) {
    const distance = distanceOf(plain, toPlain(name), least);
    if (distance < least) [best, least] = [name, distance];
  }
  return best;
}

/** Returns the options that a synonym may mean, in any group. */
export function synonymsOf(word: string): readonly string[] {
  const plain = toPlain(word);
  return Object.hasOwn(WORDS, plain) ? WORDS[plain]! : [];
}

/** Returns the end of a message about a value that is not one of `names`. The value itself is not shown. */
export function didYouMean(value: unknown, names: readonly string[]): string {
  const name = typeof value === "string" ? nearest(value, names) : undefined;
  return name === undefined ? "" : `; did you mean "${name}"?`;
}

/** Returns a name without case and separators: `base_url`, `base-url` and `BaseURL` become equal. */
export function toPlain(name: string): string {
  return name.toLowerCase().replace(/[-_\s]/g, "");
}

/** Number of typos between two words: a letter added, missing, changed, or two swapped; at most `limit`. */
function distanceOf(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit;
  let [before, row]: [number[], number[]] = [
    [],
    Array.from({ length: b.length + 1 }, (_, at) => at),
  ];
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const other = a[i - 1] === b[j - 1] ? 0 : 1;
      let least = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + other);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        least = Math.min(least, before[j - 2]! + 1);
      next.push(least);
    }
    [before, row] = [row, next];
  }
  return row[b.length]!;
}
