// Warns at start about options that are valid and probably a mistake.
import type { Endpoint } from "../contract/target.ts";
import type { RelayConfig } from "./resolve.ts";
import type { UpstreamConfig } from "./upstreams.ts";
import { DEFAULTS } from "./defaults.ts";
import { isWeakSecret } from "./forms/secret-form.ts";
import { doubtsOfKeys } from "./key-notes.ts";
import { slipOf } from "./suggest.ts";

/** Returns a warning for each doubtful option, with its path. */
export function doubtsOf(config: RelayConfig): string[] {
  return [
    ...[...config.upstreams.values()].flatMap((upstream) => doubtsOfUpstream(upstream, config)),
    ...doubtsOfTimes(config),
    ...doubtsOfPayloadTimes(config),
    ...doubtsOfKeys(config),
    ...doubtsOfFallbacks(config),
    ...(config.sealing.some(isWeakSecret)
      ? [
          "secret is easily guessed: use 32 random characters, from `openssl rand -hex 16` for example",
        ]
      : []),
  ];
}

function doubtsOfUpstream(upstream: UpstreamConfig, config: RelayConfig): string[] {
  const { name, dialect, pools } = upstream;
  const at = config.upstreams.size === 1 && name === "default" ? "upstream" : `upstreams.${name}`;
  const doubts = pools.flatMap(({ name: pool, endpoints }) => {
    const path = pools.length === 1 ? at : `${at}, pool ${pool},`;
    return endpoints.flatMap((endpoint, index) => {
      const option = `${path}${path.endsWith(",") ? " " : "."}${index === 0 ? "baseURL" : `backups[${index - 1}]`}`;
      return [doubtOfPath(endpoint, dialect.name), doubtOfHost(endpoint)].flatMap((doubt) =>
        doubt === undefined ? [] : [`${option} ${doubt}`],
      );
    });
  });
  return [...new Set(doubts), ...doubtsOfAllow(`${at}.allow`, upstream, config)];
}

function doubtsOfAllow(
  option: string,
  { operations: { given } }: UpstreamConfig,
  { authorize, mount }: RelayConfig,
): string[] {
  const mounted = mount ? given.findIndex((one) => one.split(" ")[1]?.startsWith(`${mount}/`)) : -1;
  return [
    ...(given.length > 0 && !authorize
      ? [
          `${option} lets every client that reaches this relay use the objects of its keys: set \`authorize\``,
        ]
      : []),
    ...(mounted >= 0
      ? [
          `${option}[${mounted}] begins with the mount path, which is not part of the path: remove it`,
        ]
      : []),
  ];
}

/** Endpoint paths, which clients append themselves. */
const ENDPOINT =
  /\/(?:chat\/completions|completions|responses|embeddings|messages(?:\/count_tokens)?|models\/[^/]+:\w+)$/;
const VERSION = /\/v\d+\w*(?:\/|$)/;
/** Hosts of OpenAI-compatible APIs without a version. */
const WITHOUT_VERSION = /(?:\.deepseek\.com|\.perplexity\.ai|\.azure\.com)$/;

function doubtOfPath({ origin, basePath }: Endpoint, dialect: string): string | undefined {
  if (!["openai", "anthropic", "google"].includes(dialect)) return undefined;
  const endpoint = ENDPOINT.exec(basePath)?.[0];
  if (endpoint !== undefined)
    return `ends with an endpoint (${endpoint.replace(/\/models\/.*/, "/models/…")}), which clients append themselves: remove it`;
  const twice = /\/v\d+\w*\/v\d+\w*$/.exec(basePath)?.[0];
  if (twice !== undefined) return `ends with two versions (${twice}): remove one of them`;
  if (dialect === "openai" && basePath === "" && !WITHOUT_VERSION.test(new URL(origin).hostname))
    return "has no path: OpenAI-compatible APIs usually have /v1, which their clients do not append";
  const adds = dialect === "google" ? "/v1beta" : "/v1";
  if (dialect !== "openai" && VERSION.test(`${basePath}/`) && /\/v\d+\w*$/.test(basePath))
    return `ends with a version, which official clients of this dialect (${dialect}) append themselves (${adds}): remove it, otherwise they get 404`;
  return undefined;
}

/** With one upstream a fallback need not be listed; one that is nearly a listed name is probably a typo. */
function doubtsOfFallbacks({ models }: RelayConfig): string[] {
  const names = [...models.keys()];
  return [...models].flatMap(([model, { fallback }]) =>
    fallback.flatMap((name, index) => {
      const meant = models.has(name) ? undefined : slipOf(name, names);
      return meant === undefined || meant === model
        ? []
        : [
            `models.${model}.fallback[${index}] is not listed in \`models\`; did you mean "${meant}"?`,
          ];
    }),
  );
}

/** Hosts that are not on the internet. */
const PRIVATE =
  /^(?:localhost|[^.]+|127\..*|10\..*|192\.168\..*|172\.(?:1[6-9]|2\d|3[01])\..*|169\.254\..*|100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7])\..*|\[(?:::1|f[cde].*)\]|.*\.(?:local|localhost|internal|lan|home|corp|intranet|svc|test|invalid|example|arpa))$/i;

function doubtOfHost({ origin }: Endpoint): string | undefined {
  const { protocol, hostname } = new URL(origin);
  if (protocol !== "http:" || PRIVATE.test(hostname)) return undefined;
  return "is http:// to a public host: keys and prompts cross the internet unencrypted, use https://";
}

/** Durations below these, in ms, are probably meant in seconds. `0` means off or no wait. */
const LEAST = {
  streaming: {
    heartbeat: 1_000,
    connectTimeout: 100,
    firstByteTimeout: 1_000,
    responseTimeout: 1_000,
    firstPayloadTimeout: 1_000,
    idleTimeout: 1_000,
    payloadIdleTimeout: 1_000,
    clientStallTimeout: 1_000,
    totalTimeout: 1_000,
    shutdownGrace: 100,
    drainTimeout: 100,
  },
  limits: {
    maxWait: 100,
    deadline: 1_000,
    bodyTimeout: 100,
    pruneAfter: 60_000,
    circuitWithin: 1_000,
    circuitOpen: 100,
  },
  scheduling: { cacheWait: 100, reuseWindow: 100, sessionTTL: 10_000 },
} as const;

function doubtsOfTimes(config: RelayConfig): string[] {
  const groups = Object.entries(LEAST) as [keyof typeof LEAST, Record<string, number>][];
  return groups.flatMap(([group, least]) => {
    const given = config[group] as unknown as Record<string, unknown>;
    return Object.entries(least).flatMap(([name, limit]) => {
      const value = given[name];
      if (typeof value !== "number" || value === 0 || value >= limit) return [];
      return [
        `${group}.${name} is ${value} ms: durations are in milliseconds; ${value} s would be ${(value * 1_000).toLocaleString("en").replaceAll(",", "_")}`,
      ];
    });
  });
}

/** Each timeout for bytes, and the one for payload that would end an answer before it. */
const BYTES_AND_PAYLOAD = [
  ["firstByteTimeout", "firstPayloadTimeout"],
  ["responseTimeout", "firstPayloadTimeout"],
  ["idleTimeout", "payloadIdleTimeout"],
] as const;

/** Where an operator has set a timeout for bytes that has no effect. */
function doubtsOfPayloadTimes({ streaming }: RelayConfig): string[] {
  return BYTES_AND_PAYLOAD.flatMap(([bytes, payload]) => {
    const limit = streaming[payload];
    const isSet = streaming[bytes] !== DEFAULTS.streaming[bytes];
    if (!isSet || limit === false || streaming[bytes] <= limit) return [];
    return [
      `streaming.${bytes} has no effect except in the dialect generic: streaming.${payload} is shorter`,
    ];
  });
}
