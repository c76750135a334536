// Finds the model that a request names, and with several upstreams the one that serves it.
import type { Asked } from "../contract/dialect.ts";
import { modelOf, whyNoModel } from "../http/read-request.ts";
import type { RelayConfig } from "../options/resolve.ts";
import type { UpstreamConfig } from "../options/upstreams.ts";
import { RelayError } from "../shared/errors.ts";

/** The model of requests that name none (`GET /models`). */
export const ANY_MODEL = "*";
/** Maximum length of a model name, in characters: names come from clients and become keys in memory and in the store (K11). */
const NAME_LENGTH = 256;

/** What a request names: a model, optionally with a quota pool. */
export interface NamedModel {
  upstream: UpstreamConfig;
  model: string;
  pool?: string | undefined;
}

export class ModelFinder {
  readonly #config: Pick<RelayConfig, "upstreams" | "models">;
  readonly #upstreams: readonly UpstreamConfig[];

  constructor(config: Pick<RelayConfig, "upstreams" | "models">) {
    this.#config = config;
    this.#upstreams = [...config.upstreams.values()];
  }

  /** Throws `ERR_RELAY_MODEL_…` where the model is missing, too long or not listed. */
  find(asked: Asked): NamedModel {
    const named = this.#look(asked);
    if (named.model.length > NAME_LENGTH)
      throw new RelayError("ERR_RELAY_MODEL_NAME", { limit: NAME_LENGTH });
    return named;
  }

  #look(asked: Asked): NamedModel {
    const [first] = this.#upstreams;
    if (this.#upstreams.length === 1)
      return this.#split(first!, modelOf(asked, first!.dialect) ?? ANY_MODEL);
    for (const upstream of this.#upstreams) {
      const name = upstream.dialect.readModel(asked);
      const named = name === undefined ? undefined : this.#split(upstream, name);
      if (named && this.#config.models.get(named.model)?.upstream === upstream.name) return named;
    }
    return this.#unlisted(asked);
  }

  // `:free` and `ft:…` are parts of model names; only the name of a pool, after a name that is not a configured model, is a pool.
  #split(upstream: UpstreamConfig, name: string): NamedModel {
    const at = upstream.suffixes.size === 0 ? -1 : name.lastIndexOf(":");
    const pool = name.slice(at + 1);
    return at < 1 || !upstream.suffixes.has(pool) || this.#config.models.has(name)
      ? { upstream, model: name }
      : { upstream, model: name.slice(0, at), pool };
  }

  // With several upstreams the target must not be guessed; the operator can configure one for requests without a model (`"*"`).
  #unlisted(asked: Asked): NamedModel {
    const model = this.#upstreams
      .map(({ dialect }) => dialect.readModel(asked))
      .find((name) => name !== undefined);
    if (model !== undefined)
      throw new RelayError("ERR_RELAY_MODEL_UNKNOWN", { model: model.slice(0, 200) });
    const { models, upstreams } = this.#config;
    const any = models.get(ANY_MODEL);
    if (any) return { upstream: upstreams.get(any.upstream)!, model: ANY_MODEL };
    throw new RelayError("ERR_RELAY_MODEL_MISSING", {
      detail: "the relay needs one to choose between several upstreams",
      advice: whyNoModel(asked),
    });
  }
}
