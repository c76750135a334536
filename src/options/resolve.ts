// Resolves the options to the config, or reports every fault by its path. Pure.
import type { AcquirerConfig } from "../contract/anonymous-source.ts";
import type { Credential } from "../contract/credential.ts";
import type { TokenFunction, TokenSource } from "../contract/token-source.ts";
import type { Network } from "../shared/ip-addresses.ts";
import type { PerCallerOptions } from "./group-types.ts";
import type { RelayOptions } from "./types.ts";
import { checkShape } from "./validate.ts";
import { type Carriers, resolveCredentials } from "./credentials.ts";
import { DEFAULTS, WORKERS_BUFFERED_BYTES } from "./defaults.ts";
import { Faults, wrong } from "./faults.ts";
import { type ModelConfig, resolveModels } from "./models.ts";
import { withoutUndefined } from "../shared/json.ts";
import { didYouMean } from "./suggest.ts";
import { resolveTrustProxy } from "./trust-proxy.ts";
import { resolveUpstreams, type UpstreamConfig } from "./upstreams.ts";

type Full<Options, Defaults> = Required<Pick<Options, keyof Options & keyof Defaults>> &
  Omit<Options, keyof Defaults>;

/** The options with every default applied and every name resolved. */
export interface RelayConfig {
  upstreams: ReadonlyMap<string, UpstreamConfig>;
  models: ReadonlyMap<string, ModelConfig>;
  credentials: readonly Credential[];
  /** Names of the tiers, best first; `undefined` if tiers are numbers. */
  tiers: readonly string[] | undefined;
  /** Sources of anonymous tokens; they carry no requests themselves. */
  acquirers: readonly AcquirerConfig[];
  /** Static keys by credential id, separate from everything that is shown. */
  secrets: ReadonlyMap<string, string>;
  /** Token sources by credential id. */
  sources: ReadonlyMap<string, TokenSource | TokenFunction>;
  tokens: { background: boolean; concurrency: number };
  authorize: RelayOptions["authorize"];
  scheduling: Omit<
    Full<NonNullable<RelayOptions["scheduling"]>, typeof DEFAULTS.scheduling>,
    "preferred"
  > & { preferred: { id: string; strict: boolean } | undefined };
  clientAddress: RelayOptions["clientAddress"];
  /** Number of trusted proxies, or their networks. */
  trustProxy: number | readonly Network[] | undefined;
  limits: Omit<Full<NonNullable<RelayOptions["limits"]>, typeof DEFAULTS.limits>, "perCaller"> & {
    perCaller: Required<PerCallerOptions>;
  };
  streaming: Required<NonNullable<RelayOptions["streaming"]>>;
  responseHeaders: Required<NonNullable<RelayOptions["responseHeaders"]>>;
  /** Origins of the app itself, in addition to the host of each request. */
  origins: readonly string[];
  cors: NonNullable<RelayOptions["cors"]>;
  storage: RelayOptions["storage"];
  base: string;
  mount: string | undefined;
  /** Secrets: the first seals what is stored, all of them open it. */
  sealing: readonly string[];
  /** Number of instances; `undefined` if unknown. */
  instances: number | undefined;
  /** Interval at which changes of other instances are read, in ms; `undefined`: the default of the driver. */
  sync: number | false | undefined;
}

/**
 * Checks and completes the options.
 * @throws RelayError `ERR_RELAY_OPTIONS` that lists every fault by its path (`credentials[2].tier`).
 */
export function resolveOptions(given: RelayOptions): RelayConfig {
  const faults = new Faults(given);
  const options = faults.attempt(() => checkShape(given, faults));
  // Options that are not an object have no parts to resolve.
  const config = options && faults.attempt(() => complete(options, faults));
  faults.throwAny();
  return config;
}

/** Resolves every name and applies the defaults; faults are added to `faults`. */
function complete(options: RelayOptions, faults: Faults): RelayConfig {
  const upstreams = resolveUpstreams(options, faults);
  const carriers = resolveCredentials(options, upstreams, faults);
  const { credentials, acquirers, secrets, sources } = carriers;
  const models = resolveModels(options, upstreams, [...credentials, ...acquirers], faults);
  return {
    upstreams,
    models,
    credentials,
    tiers: options.tiers,
    acquirers,
    secrets,
    sources,
    tokens: { ...DEFAULTS.tokens, ...withoutUndefined(options.tokens) },
    authorize: options.authorize,
    clientAddress: options.clientAddress,
    trustProxy: faults.attempt(() => resolveTrustProxy(options.trustProxy)),
    scheduling: faults.attempt(() => resolveScheduling(options, carriers, faults)),
    limits: faults.attempt(() => resolveLimits(options, upstreams, faults)),
    streaming: faults.attempt(() => resolveStreaming(options)),
    responseHeaders: faults.attempt(() => resolveResponseHeaders(options, faults)),
    origins: options.origins ?? [],
    cors: options.cors ?? DEFAULTS.cors,
    storage: options.storage,
    sealing: options.secret === undefined ? [] : [options.secret].flat(),
    sync: options.sync ?? (options.instances === 1 ? false : undefined),
    instances: options.instances,
    base: options.base ?? DEFAULTS.base,
    mount: faults.attempt(() => options.mount?.replace(/\/$/, "")),
  };
}

function resolveScheduling(
  { scheduling }: RelayOptions,
  { credentials }: Carriers,
  faults: Faults,
): RelayConfig["scheduling"] {
  const { preferred, ...rest } = { ...DEFAULTS.scheduling, ...withoutUndefined(scheduling) };
  if (preferred === undefined) return { ...rest, preferred: undefined };
  const { id, strict = false } = typeof preferred === "string" ? { id: preferred } : preferred;
  const ids = credentials.map((one) => one.id);
  // A credential with a fault of its own could be the preferred one.
  if (!ids.includes(id) && !faults.some((path) => path.startsWith("credentials")))
    wrong("scheduling.preferred", `must be the id of a credential${didYouMean(id, ids)}`);
  return { ...rest, preferred: { id, strict } };
}

function resolveLimits(
  options: RelayOptions,
  upstreams: ReadonlyMap<string, unknown>,
  faults: Faults,
): RelayConfig["limits"] {
  const names = [...upstreams.keys()];
  options.limits?.rules?.forEach(({ when: { upstream } }, index) => {
    if (upstream !== undefined && !names.includes(upstream))
      faults.add(
        `limits.rules[${index}].when.upstream`,
        `must be one of ${names.join(", ")}${didYouMean(upstream, names)}`,
      );
  });
  const bufferedBytes = isWorkers() ? WORKERS_BUFFERED_BYTES : DEFAULTS.limits.bufferedBytes;
  const limits = { ...DEFAULTS.limits, bufferedBytes, ...withoutUndefined(options.limits) };
  const perCaller = {
    ...DEFAULTS.limits.perCaller,
    ...withoutUndefined(options.limits?.perCaller),
  };
  return { ...limits, perCaller, disableOn: [...limits.disableOn] };
}

function isWorkers(): boolean {
  return globalThis.navigator?.userAgent === "Cloudflare-Workers";
}

function resolveStreaming({ streaming, limits }: RelayOptions): RelayConfig["streaming"] {
  const { maxAttempts = DEFAULTS.limits.maxAttempts } = limits ?? {};
  // A call with the field is repeated without it if the upstream refuses it.
  if (streaming?.includeUsage && maxAttempts < 2)
    wrong("streaming.includeUsage", "needs `limits.maxAttempts` to be 2 or more");
  const all = { ...DEFAULTS.streaming, ...withoutUndefined(streaming) };
  // A byte timeout that the operator has raised would otherwise have no effect.
  return {
    ...all,
    firstPayloadTimeout:
      streaming?.firstPayloadTimeout ??
      Math.max(all.firstPayloadTimeout || 0, all.firstByteTimeout, all.responseTimeout),
    payloadIdleTimeout:
      streaming?.payloadIdleTimeout ?? Math.max(all.payloadIdleTimeout || 0, all.idleTimeout),
  };
}

function resolveResponseHeaders(
  options: RelayOptions,
  faults: Faults,
): RelayConfig["responseHeaders"] {
  const headers = { ...DEFAULTS.responseHeaders, ...withoutUndefined(options.responseHeaders) };
  const seen = new Map<string, string>();
  for (const [name, header] of Object.entries<string | false>(headers)) {
    if (header === false) continue;
    const first = seen.get(header.toLowerCase());
    if (first !== undefined)
      faults.add(`responseHeaders.${name}`, `is a duplicate of responseHeaders.${first}`);
    seen.set(header.toLowerCase(), name);
  }
  return headers;
}
