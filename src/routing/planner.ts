// Finds the targets of a request: its model is looked up in the upstreams, their quota pools, and the configured fallback models.
import type { InboundCall } from "../contract/inbound-call.ts";
import type { Asked } from "../contract/dialect.ts";
import type { Target } from "../contract/target.ts";
import type { RelayConfig } from "../options/resolve.ts";
import type { QuotaPool, UpstreamConfig } from "../options/upstreams.ts";
import { RelayError } from "../shared/errors.ts";
import { createLongestMatch } from "../shared/patterns.ts";
import { modelOf, whyNoModel } from "../http/read-request.ts";
import { checkVersion } from "../http/api-version.ts";

/** The model of requests that name none (`GET /models`). */
export const ANY_MODEL = "*";
/** Request headers: the name of the one quota pool to use; `off` to allow no fallback model. */
const POOL_HEADER = "x-relay-pool";
const FALLBACK_HEADER = "x-relay-fallback";
// A family of its own: "*" would match every model, and no model's family contains capital letters.
const NO_FAMILY = "(NO MODEL)";
/** Maximum length of a model name, in characters: names come from clients and become keys in memory and in the store (K11). */
const NAME_LENGTH = 256;

export interface Planner {
  /**
   * Finds the targets of a request in order, at least one. Throws `ERR_RELAY_MODEL_…`, `ERR_RELAY_POOL_UNKNOWN` and `ERR_RELAY_VERSION`.
   */
  plan(asked: Asked, call: Pick<InboundCall, "mount" | "header">): Target[];
  /** The family with which a model shares its limits. */
  familyOf(model: string): string;
  /** The upstream whose dialect is used for errors while the target is not known. */
  first: UpstreamConfig;
}

/** What a request names: a model, optionally with a quota pool. */
interface Named {
  upstream: UpstreamConfig;
  model: string;
  pool?: string | undefined;
}

/** Creates the planner of a configuration. */
export function createPlanner(
  config: Pick<RelayConfig, "upstreams" | "models" | "limits">,
): Planner {
  const upstreams = [...config.upstreams.values()];
  const first = upstreams[0]!;
  const patternOf = createLongestMatch(config.limits.families ?? {});

  // Normalised only here, so that families are written and read under the same name.
  const familyOf = (model: string): string =>
    model === ANY_MODEL ? NO_FAMILY : (patternOf(model) ?? model).toLowerCase();

  function find(asked: Asked): Named {
    const named = look(asked);
    if (named.model.length > NAME_LENGTH)
      throw new RelayError("ERR_RELAY_MODEL_NAME", { limit: NAME_LENGTH });
    return named;
  }

  function look(asked: Asked): Named {
    if (upstreams.length === 1) return split(first, modelOf(asked, first.dialect) ?? ANY_MODEL);
    for (const upstream of upstreams) {
      const name = upstream.dialect.readModel(asked);
      const named = name === undefined ? undefined : split(upstream, name);
      if (named && config.models.get(named.model)?.upstream === upstream.name) return named;
    }
    return unlisted(asked);
  }

  // `:free` and `ft:…` are parts of model names; only the name of a pool, after a name that is not a configured model, is a pool.
  function split(upstream: UpstreamConfig, name: string): Named {
    const at = upstream.suffixes.size === 0 ? -1 : name.lastIndexOf(":");
    const pool = name.slice(at + 1);
    return at < 1 || !upstream.suffixes.has(pool) || config.models.has(name)
      ? { upstream, model: name }
      : { upstream, model: name.slice(0, at), pool };
  }

  // With several upstreams the target must not be guessed; the operator can configure one for requests without a model (`"*"`).
  function unlisted(asked: Asked): Named {
    const model = upstreams
      .map(({ dialect }) => dialect.readModel(asked))
      .find((name) => name !== undefined);
    if (model === undefined) {
      const named = config.models.get(ANY_MODEL);
      if (named) return { upstream: config.upstreams.get(named.upstream)!, model: ANY_MODEL };
      throw new RelayError("ERR_RELAY_MODEL_MISSING", {
        detail: "the relay needs one to choose between several upstreams",
        advice: whyNoModel(asked),
      });
    }
    throw new RelayError("ERR_RELAY_MODEL_UNKNOWN", { model: model.slice(0, 200) });
  }

  function toTarget(
    upstream: UpstreamConfig,
    pool: QuotaPool,
    model: string,
    replaces: string | undefined,
  ): Target {
    const { name, dialect, passHeaders } = upstream;
    const { endpoints, headers } = pool;
    const family = familyOf(model);
    return {
      upstream: name,
      dialect,
      pool: pool.name,
      model,
      replaces: replaces === model ? undefined : replaces,
      family,
      endpoints,
      headers,
      passHeaders,
    };
  }

  function fallbacks(model: string, replaces: string): Target[] {
    const names = config.models.get(model)?.fallback ?? [];
    return names.flatMap((name) => {
      const upstream = config.upstreams.get(config.models.get(name)?.upstream ?? first.name)!;
      return poolsOf(upstream).map((pool) => toTarget(upstream, pool, name, replaces));
    });
  }

  return {
    first,
    familyOf,
    plan(asked, call) {
      const { upstream, model, pool } = find(asked);
      const named = pool === undefined ? model : `${model}:${pool}`;
      const pinned = pinnedPool(upstream, call.header(POOL_HEADER) ?? pool);
      const pools = pinned ? [pinned] : poolsOf(upstream);
      checkVersion(asked.path, call.mount ?? "", upstream, pools[0]!.endpoints[0]!);
      const targets = pools.map((one) => toTarget(upstream, one, model, named));
      if (pinned || config.models.size === 0) return targets;
      if (call.header(FALLBACK_HEADER)?.toLowerCase() === "off") return targets;
      return [...targets, ...fallbacks(model, named)];
    },
  };
}

function poolsOf({ pools, quotaFallback }: UpstreamConfig): readonly QuotaPool[] {
  return quotaFallback || pools.length === 1 ? pools : pools.slice(0, 1);
}

function pinnedPool(
  { name: upstream, pools }: UpstreamConfig,
  pinned: string | undefined,
): QuotaPool | undefined {
  if (pinned === undefined) return undefined;
  const pool = pools.find(({ name }) => name === pinned);
  if (pool) return pool;
  const expected = pools.map(({ name }) => name).join(", ");
  throw new RelayError("ERR_RELAY_POOL_UNKNOWN", { upstream, expected });
}
