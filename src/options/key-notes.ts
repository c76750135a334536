// Keys that are valid and probably not the right ones: another provider's, or one key under two ids. Told by path, never by value.
import type { RelayConfig } from "./resolve.ts";

interface Provider {
  name: string;
  /** How its keys begin. */
  keys: RegExp;
  hosts: RegExp;
}

/** Providers whose keys are told apart by their beginning. Where a key or a host is none of these, nothing is said. */
const PROVIDERS: readonly Provider[] = [
  { name: "Anthropic", keys: /^sk-ant-/, hosts: /(?:^|\.)anthropic\.com$/ },
  { name: "OpenRouter", keys: /^sk-or-/, hosts: /(?:^|\.)openrouter\.ai$/ },
  { name: "OpenAI", keys: /^sk-(?:proj|svcacct|admin)-/, hosts: /(?:^|\.)openai\.com$/ },
  { name: "Google", keys: /^AIza/, hosts: /(?:^|\.)googleapis\.com$/ },
  { name: "Groq", keys: /^gsk_/, hosts: /(?:^|\.)groq\.com$/ },
  { name: "xAI", keys: /^xai-/, hosts: /(?:^|\.)x\.ai$/ },
  { name: "Perplexity", keys: /^pplx-/, hosts: /(?:^|\.)perplexity\.ai$/ },
];

/** Faults that are told; a large pool that was pasted twice does not fill the log. */
const TOLD = 3;

/** Returns a sentence for each doubtful key, with its path. */
export function doubtsOfKeys(config: RelayConfig): string[] {
  const { credentials, secrets } = config;
  const doubts: string[] = [];
  const seen = new Map<string, string>();
  for (const { id, upstream } of credentials) {
    if (doubts.length >= TOLD) break;
    const key = secrets.get(id);
    if (key === undefined) continue;
    const foreign = foreignTo(key, config, upstream);
    if (foreign) doubts.push(`credential ${id}: apiKey ${foreign}`);
    const place = `${upstream}\n${key}`;
    const first = seen.get(place);
    if (first === undefined) seen.set(place, id);
    else
      doubts.push(
        `credential ${id}: apiKey is the same as that of ${first}: the provider counts both as one, and a limit of one is a limit of both`,
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
        return `looks like a key of ${owner.name}, and its upstream is ${hostname}`;
    }
  return undefined;
}
