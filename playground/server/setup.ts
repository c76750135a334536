// What is relayed to, read from the environment. Without one of your own, start.mjs fills it in for the simulator.
import type { CredentialOptions, UpstreamOptions } from "h3-relay";

const { UPSTREAM_BASE_URL = "", UPSTREAM_DIALECT = "openai" } = process.env;

export const upstream: UpstreamOptions = { baseURL: UPSTREAM_BASE_URL, dialect: UPSTREAM_DIALECT };

export const credentials: CredentialOptions[] = listOf(process.env.RELAY_KEYS).map(toCredential);

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

// `team-a=sk-…` has an id. A key alone may end in `=` itself.
function toCredential(text: string, index: number): CredentialOptions {
  const [, id, apiKey] = /^([\w.-]+)=(?!=*$)(.+)$/.exec(text) ?? [];
  return { id: id ?? `key-${index + 1}`, apiKey: apiKey ?? text };
}
