// Finds the targets of a request: its model is looked up in the upstreams, their quota pools, and the configured fallback models.
import type { InboundCall } from "../contract/inbound-call.ts";
import type { Asked } from "../contract/dialect.ts";
import type { Target } from "../contract/target.ts";
import type { RelayConfig } from "../options/resolve.ts";
import type { QuotaPool, UpstreamConfig } from "../options/upstreams.ts";
import { RelayError } from "../shared/errors.ts";
import { createLongestMatch } from "../shared/patterns.ts";
import { checkVersion } from "../http/api-version.ts";
import { ANY_MODEL, ModelFinder } from "./named-model.ts";
import { checkOperation, toOperationError } from "./operation-guard.ts";

export { ANY_MODEL } from "./named-model.ts";

/** Request headers: the name of the one quota pool to use; `off` to allow no fallback model. */
const POOL_HEADER = "x-relay-pool";
const FALLBACK_HEADER = "x-relay-fallback";
// A family of its own: "*" would match every model, and no model's family contains capital letters.
const NO_FAMILY = "(NO MODEL)";

export interface Planner {
  /**
   * Refuses an operation that no upstream allows, before the body is read. Throws `ERR_RELAY_OPERATION` and `ERR_RELAY_VERSION`.
   */
  admit(asked: Omit<Asked, "json">, mount: string | undefined): void;
  /**
   * Finds the targets of a request in order, at least one. Fallbacks whose upstream does not allow the operation are added to
   * `disallowed` instead. Throws `ERR_RELAY_MODEL_…`, `ERR_RELAY_POOL_UNKNOWN`, `ERR_RELAY_VERSION` and `ERR_RELAY_OPERATION`.
   */
  plan(asked: Asked, call: Pick<InboundCall, "mount" | "header">, disallowed?: Target[]): Target[];
  /** The family with which a model shares its limits. */
  familyOf(model: string): string;
  /** The upstream whose dialect is used for errors while the target is not known. */
  first: UpstreamConfig;
}

/** Creates the planner of a configuration. */
export function createPlanner(
  config: Pick<RelayConfig, "upstreams" | "models" | "limits">,
): Planner {
  const [first] = config.upstreams.values();
  const finder = new ModelFinder(config);
  const patternOf = createLongestMatch(config.limits.families ?? {});

  // Normalised only here, so that families are written and read under the same name.
  const familyOf = (model: string): string =>
    model === ANY_MODEL ? NO_FAMILY : (patternOf(model) ?? model).toLowerCase();

  // A request that comes this far has passed `admit`, which is exact for a single upstream.
  const isChecked = config.upstreams.size === 1;

  function fallbacks(
    model: string,
    replaces: string,
    asked: Asked,
    disallowed: Target[] | undefined,
  ): Target[] {
    const names = config.models.get(model)?.fallback ?? [];
    return names.flatMap((name) => {
      const upstream = config.upstreams.get(config.models.get(name)?.upstream ?? first!.name)!;
      const targets = poolsOf(upstream).map((pool) =>
        toTarget(upstream, pool, name, familyOf(name), replaces),
      );
      if (isChecked || !upstream.operations.whyNot(asked)) return targets;
      disallowed?.push(...targets);
      return [];
    });
  }

  return {
    first: first!,
    familyOf,
    admit: (asked, mount = "") => checkOperation(config.upstreams, asked, mount),
    plan(asked, call, disallowed) {
      const { upstream, model, pool } = finder.find(asked);
      const family = familyOf(model);
      const named = pool === undefined ? model : `${model}:${pool}`;
      const pinned = pinnedPool(upstream, call.header(POOL_HEADER) ?? pool);
      const pools = pinned ? [pinned] : poolsOf(upstream);
      checkVersion(asked.path, call.mount ?? "", upstream, pools[0]!.endpoints[0]!);
      const why = isChecked ? undefined : upstream.operations.whyNot(asked);
      if (why) throw toOperationError(upstream, asked, why);
      const targets = pools.map((one) => toTarget(upstream, one, model, family, named));
      if (pinned || config.models.size === 0) return targets;
      if (call.header(FALLBACK_HEADER)?.toLowerCase() === "off") return targets;
      return [...targets, ...fallbacks(model, named, asked, disallowed)];
    },
  };
}

function toTarget(
  { name: upstream, dialect, passHeaders, responseFields }: UpstreamConfig,
  { name: pool, endpoints, headers, secrets }: QuotaPool,
  model: string,
  family: string,
  replaces: string,
): Target {
  return {
    upstream,
    dialect,
    pool,
    model,
    replaces: replaces === model ? undefined : replaces,
    family,
    endpoints,
    headers,
    secrets,
    passHeaders,
    responseFields,
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
