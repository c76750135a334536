// Where a request may go: its model looked up among the upstreams, and the family whose limit it shares.
import type { Asked } from "../contract/dialect.ts";
import type { Target } from "../contract/target.ts";
import type { RelayConfig } from "../options/resolve.ts";
import type { UpstreamConfig } from "../options/upstreams.ts";
import { RelayError } from "../errors.ts";
import { createLongestMatch } from "../patterns.ts";
import { checkVersion } from "./path.ts";
import { modelOf } from "./read.ts";

/** Stands for "no model" in requests without one (`GET /models`). */
export const ANY_MODEL = "*";
const MAIN_POOL = "main";
// Its limits are its own: "*" as a family would mean every model.
const NO_FAMILY = "(no model)";

export interface Planner {
  /** Finds the target of a request. `mount` is for messages only. Throws `ERR_RELAY_MODEL_…` and `ERR_RELAY_VERSION`. */
  plan(asked: Asked, mount: string): Target;
  /** The upstream in whose dialect to speak while it is not known where a request goes. */
  first: UpstreamConfig;
}

/** Prepares the look-up of targets. */
export function createPlanner(
  config: Pick<RelayConfig, "upstreams" | "models" | "limits">,
): Planner {
  const upstreams = [...config.upstreams.values()];
  const first = upstreams[0]!;
  const familyOf = createLongestMatch(config.limits.families ?? {});

  function upstreamOf(asked: Asked): [UpstreamConfig, string] {
    if (upstreams.length === 1) return [first, modelOf(asked, first.dialect) ?? ANY_MODEL];
    for (const upstream of upstreams) {
      const model = upstream.dialect.readModel(asked);
      if (model !== undefined && config.models.get(model)?.upstream === upstream.name)
        return [upstream, model];
    }
    return unlisted(asked);
  }

  // Which of several upstreams is meant must not be guessed; an operator may say it for calls without a model (`"*"`).
  function unlisted(asked: Asked): [UpstreamConfig, string] {
    const model = upstreams
      .map(({ dialect }) => dialect.readModel(asked))
      .find((name) => name !== undefined);
    if (model === undefined) {
      const named = config.models.get(ANY_MODEL);
      if (named) return [config.upstreams.get(named.upstream)!, ANY_MODEL];
      throw new RelayError("ERR_RELAY_MODEL_MISSING", {
        detail: "there are several upstreams it could mean",
      });
    }
    throw new RelayError("ERR_RELAY_MODEL_UNKNOWN", { model: model.slice(0, 200) });
  }

  return {
    first,
    plan(asked, mount) {
      const [upstream, model] = upstreamOf(asked);
      checkVersion(asked.path, mount, upstream.basePath, upstream.dialect);
      const { name, dialect, origin, basePath, headers, passHeaders } = upstream;
      // Normalised once, here: what is written under a family is read under it.
      const family = model === ANY_MODEL ? NO_FAMILY : (familyOf(model) ?? model).toLowerCase();
      return {
        upstream: name,
        dialect,
        pool: MAIN_POOL,
        model,
        family,
        origin,
        basePath,
        headers,
        passHeaders,
      };
    },
  };
}
