// The upstream and its keys, read from the environment. Without an upstream of your own, start.mjs sets those of the simulator.
import type { CredentialOptions, DialectName, UpstreamOptions } from "h3-relay";

const { UPSTREAM_BASE_URL = "", UPSTREAM_DIALECT = "openai" } = process.env;

// An unknown dialect is an option error at start that lists the names.
export const upstream: UpstreamOptions = {
  baseURL: UPSTREAM_BASE_URL,
  dialect: UPSTREAM_DIALECT as DialectName,
};

export const credentials: CredentialOptions[] = listOf(process.env.RELAY_KEYS).map(toCredential);

/** Prefix of the relay's records in the storage. Each upstream has its own, since the cooldowns of one do not apply to another. */
export const base: string = `relay:${process.env.SIMULATOR_URL ? "simulator" : hostOf(UPSTREAM_BASE_URL)}`;

/** Names of the models that the page offers. If empty, the page asks for a name. */
export const models: string[] = listOf(process.env.UPSTREAM_MODELS);

/** Base URL of the simulator's control paths; `undefined` with a real API. */
export const simulatorURL: string | undefined = process.env.SIMULATOR_URL;

function listOf(text = ""): string[] {
  return text
    .split(",")
    .map((item) => item.trim())
    .filter(Boolean);
}

function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host.replace(/[^\w.-]/g, "_") : "unknown";
}

// `team-a=sk-…` has an id. A key alone may end in `=` itself.
function toCredential(text: string, index: number): CredentialOptions {
  const [, id, apiKey] = /^([\w.-]+)=(?!=*$)(.+)$/.exec(text) ?? [];
  return { id: id ?? `key-${index + 1}`, apiKey: apiKey ?? text };
}
