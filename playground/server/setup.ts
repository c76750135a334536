// What is relayed to, read from the environment. Without one of your own, start.mjs fills it in for the simulator.
import type { CredentialOptions, DialectName, UpstreamOptions } from "h3-relay";

const { UPSTREAM_BASE_URL = "", UPSTREAM_DIALECT = "openai" } = process.env;

// What is no dialect's name is an option error at start, which lists the names.
export const upstream: UpstreamOptions = {
  baseURL: UPSTREAM_BASE_URL,
  dialect: UPSTREAM_DIALECT as DialectName,
};

export const credentials: CredentialOptions[] = listOf(process.env.RELAY_KEYS).map(toCredential);

/** Where the relay's records stand in the storage: what one upstream refused says nothing about another. */
export const base: string = `relay:${process.env.SIMULATOR_URL ? "simulator" : hostOf(UPSTREAM_BASE_URL)}`;

/** Names of models to offer on the page; without any, the page asks for one. */
export const models: string[] = listOf(process.env.UPSTREAM_MODELS);

/** Where the simulator is controlled; `undefined` in front of a real API. */
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
