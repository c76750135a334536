// Resolves the models: their upstreams and fallbacks.
import type { Credential } from "../contract/credential.ts";
import type { RelayOptions } from "./types.ts";
import type { ModelOptions } from "./upstream-types.ts";
import type { UpstreamConfig } from "./upstreams.ts";
import { toModelTest } from "../shared/patterns.ts";
import { type Faults, wrong } from "./faults.ts";
import { didYouMean } from "./suggest.ts";

/** A model with its upstream resolved. */
export interface ModelConfig {
  upstream: string;
  /** Models to fall back to, in order. */
  fallback: readonly string[];
}

type Upstreams = ReadonlyMap<string, UpstreamConfig>;

/** Resolves every model. An unknown name, a fallback to the model itself and one of another dialect are faults. */
export function resolveModels(
  options: RelayOptions,
  upstreams: Upstreams,
  credentials: readonly Credential[],
  faults: Faults,
): Map<string, ModelConfig> {
  const models = new Map<string, ModelConfig>();
  for (const [name, model] of Object.entries(options.models ?? {}))
    faults.attempt(() => {
      const upstream = upstreamOf(name, model, upstreams);
      models.set(name, { upstream, fallback: [...(model.fallback ?? [])] });
    });
  // A credential with a fault of its own could be the one that serves the model.
  const areSure = !faults.some((path) => SERVING.test(path));
  const isServed = (name: string, upstream: string): boolean =>
    !areSure || credentials.some((it) => it.upstream === upstream && serves(it, name));
  for (const [name, { upstream, fallback }] of models) {
    if (!isServed(name, upstream)) faults.add(`models.${name}`, UNSERVED, `models.${name}.*`);
    fallback.forEach((_, index) =>
      faults.attempt(() => checkFallback(name, index, { models, upstreams, isServed })),
    );
  }
  return models;
}

const UNSERVED = "is not served by any credential of its upstream";
const SERVING = /^credentials(?:\[\d+\](?:\.(?:upstream|models\b.*))?)?$/;

interface Lookup {
  models: ReadonlyMap<string, ModelConfig>;
  upstreams: Upstreams;
  isServed(name: string, upstream: string): boolean;
}

function checkFallback(name: string, index: number, { models, upstreams, isServed }: Lookup): void {
  const { upstream, fallback } = models.get(name)!;
  const other = fallback[index]!;
  const path = `models.${name}.fallback[${index}]`;
  const target = upstreamOfFallback(other, models, upstreams);
  if (other === name) wrong(path, "is the model itself");
  if (other === "*" || name === "*")
    wrong(path, "cannot use `*`: a fallback is one model for another");
  if (fallback.indexOf(other) < index)
    wrong(path, `is a duplicate of models.${name}.fallback[${fallback.indexOf(other)}]`);
  if (target === undefined)
    wrong(
      path,
      `must be listed in \`models\`, because there are several upstreams${didYouMean(
        other,
        [...models.keys()].filter((known) => known !== name),
      )}`,
    );
  if (upstreams.get(target)!.dialect.name !== upstreams.get(upstream)!.dialect.name)
    wrong(path, "must have the same dialect as its model");
  if (!isServed(other, target)) wrong(path, UNSERVED);
}

function upstreamOf(name: string, { upstream }: ModelOptions, upstreams: Upstreams): string {
  const names = [...upstreams.keys()];
  if (upstream === undefined && names.length === 1) return names[0]!;
  if (upstream === undefined)
    wrong(`models.${name}.upstream`, `is missing: name one of the upstreams ${names.join(", ")}`);
  if (!upstreams.has(upstream))
    wrong(
      `models.${name}.upstream`,
      `must be one of ${names.join(", ")}${didYouMean(upstream, names)}`,
    );
  return upstream;
}

function upstreamOfFallback(
  model: string,
  models: ReadonlyMap<string, ModelConfig>,
  upstreams: Upstreams,
): string | undefined {
  const [only] = upstreams.keys();
  return models.get(model)?.upstream ?? (upstreams.size === 1 ? only : undefined);
}

function serves({ allow, deny }: Credential, model: string): boolean {
  return model === "*" || toModelTest(allow, deny)(model);
}
