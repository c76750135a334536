// Turns what an operator said into full config, or says which path of it is wrong. Pure.
import type { Credential } from "../contract/credential.ts";
import type { Dialect } from "../contract/dialect.ts";
import type { CredentialOptions, RelayOptions, UpstreamOptions } from "./types.ts";
import * as v from "valibot";
import { DIALECTS } from "../dialects/index.ts";
import { RelayError } from "../errors.ts";
import { DEFAULTS } from "./defaults.ts";
import { optionsSchema } from "./schema.ts";

type Full<Options, Defaults> = Required<Pick<Options, keyof Options & keyof Defaults>> &
  Omit<Options, keyof Defaults>;

/** An upstream with everything filled in. */
export interface UpstreamConfig {
  name: string;
  /** Scheme, host and port of the base URL. */
  origin: string;
  /** Path of the base URL without a trailing slash. */
  basePath: string;
  dialect: Dialect;
  /** Lower-case names. */
  headers: Readonly<Record<string, string>>;
  passHeaders: readonly string[];
}

/** The options with every default in place and every name looked up. */
export interface RelayConfig {
  upstreams: ReadonlyMap<string, UpstreamConfig>;
  models: ReadonlyMap<string, { upstream: string }>;
  credentials: readonly Credential[];
  /** Static keys by credential id. Kept apart from all that is shown. */
  secrets: ReadonlyMap<string, string>;
  authorize: RelayOptions["authorize"];
  scheduling: Full<NonNullable<RelayOptions["scheduling"]>, typeof DEFAULTS.scheduling>;
  limits: Full<NonNullable<RelayOptions["limits"]>, typeof DEFAULTS.limits>;
  streaming: Required<NonNullable<RelayOptions["streaming"]>>;
  responseHeaders: Required<NonNullable<RelayOptions["responseHeaders"]>>;
  cors: NonNullable<RelayOptions["cors"]>;
  storage: RelayOptions["storage"];
  base: string;
  mount: string | undefined;
}

/**
 * Checks and completes the options.
 * @throws RelayError `ERR_RELAY_OPTIONS` that names the path of the first thing wrong (`credentials[2].tier`).
 */
export function resolveOptions(options: RelayOptions): RelayConfig {
  checkSecrets(options);
  checkShape(options);
  const upstreams = resolveUpstreams(options);
  const models = resolveModels(options, upstreams);
  return {
    upstreams,
    models,
    credentials: resolveCredentials(options, upstreams),
    secrets: new Map(options.credentials.map(({ id, apiKey }) => [id, apiKey!])),
    authorize: options.authorize,
    scheduling: { ...DEFAULTS.scheduling, ...defined(options.scheduling) },
    limits: resolveLimits(options),
    streaming: { ...DEFAULTS.streaming, ...defined(options.streaming) },
    responseHeaders: { ...DEFAULTS.responseHeaders, ...defined(options.responseHeaders) },
    cors: options.cors ?? DEFAULTS.cors,
    storage: options.storage,
    base: options.base ?? DEFAULTS.base,
    mount: options.mount?.replace(/\/$/, ""),
  };
}

function wrong(path: string, detail: string): never {
  throw new RelayError("ERR_RELAY_OPTIONS", { path, detail });
}

// `apiKey: process.env.KEY_A` with KEY_A unset must not read as "no key wanted" (valibot takes undefined for absent).
function checkSecrets(options: RelayOptions): void {
  if (options === null || typeof options !== "object") wrong("options", "must be an object");
  if (!Array.isArray(options.credentials)) return;
  options.credentials.forEach((credential: CredentialOptions | null, index) => {
    if (credential !== null && typeof credential === "object" && credential.apiKey === undefined)
      wrong(`credentials[${index}].apiKey`, "is missing; is its environment variable set?");
  });
}

function checkShape(options: RelayOptions): void {
  const result = v.safeParse(optionsSchema, options, { abortEarly: true });
  if (result.success) return;
  const [issue] = result.issues;
  const path = (issue.path ?? [])
    .map(({ key }, at) => (typeof key === "number" ? `[${key}]` : `${at ? "." : ""}${String(key)}`))
    .join("");
  const isUnknown = issue.type === "strict_object" && issue.expected === "never";
  wrong(path || "options", isUnknown ? "is not an option" : describeIssue(issue));
}

// A valibot message of its own shows the value that came; a secret could stand there.
function describeIssue(issue: v.BaseIssue<unknown>): string {
  return issue.message.startsWith("Invalid")
    ? `must be ${issue.expected ?? "something else"}`
    : issue.message;
}

function resolveUpstreams(options: RelayOptions): Map<string, UpstreamConfig> {
  if (options.upstream && options.upstreams)
    wrong("upstreams", "cannot be given together with `upstream`");
  const given = options.upstream ? { default: options.upstream } : (options.upstreams ?? {});
  const upstreams = new Map(
    Object.entries(given).map(([name, upstream]) => [
      name,
      resolveUpstream(name, upstream, options),
    ]),
  );
  if (upstreams.size === 0)
    wrong("upstream", "is missing: give one `upstream` or several `upstreams`");
  return upstreams;
}

function resolveUpstream(
  name: string,
  upstream: UpstreamOptions,
  options: RelayOptions,
): UpstreamConfig {
  const path = options.upstream ? "upstream" : `upstreams.${name}`;
  const dialect =
    typeof upstream.dialect === "string" ? DIALECTS[upstream.dialect] : upstream.dialect;
  if (!dialect)
    wrong(
      `${path}.dialect`,
      `must be one of ${Object.keys(DIALECTS).join(", ")}, or a dialect of your own`,
    );
  const headers = Object.fromEntries(
    Object.entries(upstream.headers ?? {}).map(([key, value]) => [key.toLowerCase(), value]),
  );
  const base = new URL(upstream.baseURL);
  return {
    name,
    dialect,
    headers,
    origin: base.origin,
    basePath: base.pathname.replace(/\/+$/, ""),
    passHeaders: (upstream.passHeaders ?? []).map((header) => header.toLowerCase()),
  };
}

function resolveModels(
  options: RelayOptions,
  upstreams: ReadonlyMap<string, unknown>,
): Map<string, { upstream: string }> {
  const models = Object.entries(options.models ?? {});
  for (const [name, { upstream }] of models) {
    if (!upstreams.has(upstream))
      wrong(`models.${name}.upstream`, `names no upstream: ${upstream}`);
  }
  return new Map(models);
}

function resolveCredentials(
  options: RelayOptions,
  upstreams: ReadonlyMap<string, unknown>,
): Credential[] {
  checkTierNames(options);
  const seen = new Set<string>();
  const only = upstreams.size === 1 ? [...upstreams.keys()][0] : undefined;
  const credentials = options.credentials.map((credential, index): Credential => {
    const path = `credentials[${index}]`;
    if (seen.has(credential.id)) wrong(`${path}.id`, `stands twice: ${credential.id}`);
    seen.add(credential.id);
    const upstream = credential.upstream ?? only;
    if (upstream === undefined)
      wrong(`${path}.upstream`, "is missing, and there are several upstreams");
    if (!upstreams.has(upstream)) wrong(`${path}.upstream`, `names no upstream: ${upstream}`);
    return toCredential(credential, upstream, resolveTier(credential, options.tiers, path));
  });
  for (const name of upstreams.keys()) {
    if (!credentials.some(({ upstream }) => upstream === name))
      wrong(
        options.upstream ? "credentials" : `upstreams.${name}`,
        "has no credential, and nothing can ever give it one",
      );
  }
  return credentials;
}

function toCredential(options: CredentialOptions, upstream: string, tier: number): Credential {
  const { id, label = id, models, maxInFlight = Infinity } = options;
  return {
    id,
    label,
    upstream,
    tier,
    weight: 1,
    allow: models?.allow,
    deny: models?.deny,
    maxInFlight,
  };
}

function checkTierNames({ tiers = [] }: RelayOptions): void {
  const twice = tiers.findIndex((name, index) => tiers.indexOf(name) !== index);
  if (twice >= 0) wrong(`tiers[${twice}]`, `stands twice: ${tiers[twice]}`);
}

function resolveTier(
  { tier }: CredentialOptions,
  tiers: readonly string[] | undefined,
  path: string,
): number {
  if (tier === undefined) return tiers ? 0 : 1;
  if (typeof tier === "number") return tier;
  const rank = tiers?.indexOf(tier) ?? -1;
  if (rank < 0) wrong(`${path}.tier`, `names no tier of \`tiers\`: ${tier}`);
  return rank;
}

function resolveLimits(options: RelayOptions): RelayConfig["limits"] {
  const limits = { ...DEFAULTS.limits, ...defined(options.limits) };
  return { ...limits, disableOn: [...limits.disableOn] };
}

// `{ maxWait: undefined }` means the default, as a missing environment variable does.
function defined<T extends object>(
  options: T | undefined,
): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(
    Object.entries(options ?? {}).filter(([, value]) => value !== undefined),
  ) as never;
}
