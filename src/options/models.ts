// The models of the config: which upstream serves each, and what takes its place.
import type { Credential } from "../contract/credential.ts";
import type { ModelOptions, RelayOptions } from "./types.ts";
import type { UpstreamConfig } from "./upstreams.ts";
import { compilePattern } from "../patterns.ts";
import { wrong } from "./check.ts";

export interface ModelConfig {
  upstream: string;
  /** Models to go on with, in order. */
  fallback: readonly string[];
}

type Upstreams = ReadonlyMap<string, UpstreamConfig>;

/** Looks every name up. Throws where a model or a chain leads nowhere, back to itself, or to another dialect. */
export function resolveModels(
  options: RelayOptions,
  upstreams: Upstreams,
  credentials: readonly Credential[],
): Map<string, ModelConfig> {
  const listed = Object.entries(options.models ?? {});
  const models = new Map(
    listed.map(([name, model]) => [
      name,
      { upstream: upstreamOf(name, model, upstreams), fallback: [...(model.fallback ?? [])] },
    ]),
  );
  const isServed = (name: string, upstream: string): boolean =>
    credentials.some((it) => it.upstream === upstream && serves(it, name));
  for (const [name, { upstream, fallback }] of models) {
    if (!isServed(name, upstream))
      wrong(`models.${name}`, "is served by no credential of its upstream");
    fallback.forEach((other, index) => {
      const path = `models.${name}.fallback[${index}]`;
      const place = placeOf(other, models, upstreams);
      if (other === name) wrong(path, "is the model itself");
      if (other === "*" || name === "*") wrong(path, "must be one model for another");
      if (fallback.indexOf(other) < index) wrong(path, "stands twice");
      if (place === undefined)
        wrong(path, "must be listed in `models`: there are several upstreams");
      if (upstreams.get(place)!.dialect.name !== upstreams.get(upstream)!.dialect.name)
        wrong(path, "speaks another dialect");
      if (!isServed(other, place)) wrong(path, "is served by no credential of its upstream");
    });
  }
  return models;
}

function upstreamOf(name: string, { upstream }: ModelOptions, upstreams: Upstreams): string {
  const [only] = upstreams.keys();
  if (upstream === undefined && upstreams.size === 1) return only!;
  if (upstream === undefined) wrong(`models.${name}.upstream`, "is missing");
  if (!upstreams.has(upstream))
    wrong(`models.${name}.upstream`, `must be one of ${[...upstreams.keys()].join(", ")}`);
  return upstream;
}

function placeOf(
  model: string,
  models: ReadonlyMap<string, ModelConfig>,
  upstreams: Upstreams,
): string | undefined {
  const [only] = upstreams.keys();
  return models.get(model)?.upstream ?? (upstreams.size === 1 ? only : undefined);
}

function serves({ allow, deny = [] }: Credential, model: string): boolean {
  const isNamed = (pattern: string): boolean => compilePattern(pattern)(model);
  return model === "*" || ((allow?.some(isNamed) ?? true) && !deny.some(isNamed));
}
