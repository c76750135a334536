// Warns about keys that are valid and probably wrong: another provider's, or one key under two ids. Named by id, never by value.
import type { RelayConfig } from "./resolve.ts";

interface Provider {
  name: string;
  /** Matches the beginning of its keys. */
  keys: RegExp;
  hosts: RegExp;
}

/** Providers whose keys have a known beginning. Other keys and hosts cause no warning. */
const PROVIDERS: readonly Provider[] = [
  { name: "Anthropic", keys: /^sk-ant-/, hosts: /(?:^|\.)anthropic\.com$/ },
  { name: "OpenRouter", keys: /^sk-or-/, hosts: /(?:^|\.)openrouter\.ai$/ },
  { name: "OpenAI", keys: /^sk-(?:proj|svcacct|admin)-/, hosts: /(?:^|\.)openai\.com$/ },
  { name: "Google", keys: /^AIza/, hosts: /(?:^|\.)googleapis\.com$/ },
  { name: "Groq", keys: /^gsk_/, hosts: /(?:^|\.)groq\.com$/ },
  { name: "xAI", keys: /^xai-/, hosts: /(?:^|\.)x\.ai$/ },
  { name: "Perplexity", keys: /^pplx-/, hosts: /(?:^|\.)perplexity\.ai$/ },
];

/** Maximum number of warnings, so that a large pool that was pasted twice does not fill the log. */
const MAX_WARNINGS = 3;

/** Returns a warning for each doubtful key, with the id of its credential. */
export function doubtsOfKeys(config: RelayConfig): string[] {
  const { credentials, secrets } = config;
  const doubts: string[] = [];
  const seen = new Map<string, string>();
  for (const { id, upstream } of credentials) {
    if (doubts.length >= MAX_WARNINGS) break;
    const key = secrets.get(id);
    if (key === undefined) continue;
    const foreign = foreignTo(key, config, upstream);
    if (foreign) doubts.push(`credential ${id}: apiKey ${foreign}`);
    const place = `${upstream}\n${key}`;
    const first = seen.get(place);
    if (first === undefined) seen.set(place, id);
    else
      doubts.push(
        `credential ${id}: apiKey is the same as that of ${first}: the provider counts both as one key, so they share every limit`,
      );
  }
  return doubts;
}

function foreignTo(key: string, { upstreams }: RelayConfig, upstream: string): string | undefined {
  const owner = PROVIDERS.find(({ keys }) => keys.test(key));
  if (!owner) return undefined;
  for (const { endpoints } of upstreams.get(upstream)?.pools ?? [])
    for (const { origin } of endpoints) {
      const { hostname } = new URL(origin);
      const other = PROVIDERS.find(({ hosts }) => hosts.test(hostname));
      if (other && other !== owner)
        return `looks like a key of ${owner.name}, but its upstream is ${hostname}`;
    }
  return undefined;
}
