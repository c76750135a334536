// A relay's options out of an app's data and code.
import type { RelayOptions } from "../../src/options/types.ts";
import { wrong } from "../../src/options/validate.ts";
import { noteStorage } from "./storages.ts";

type Options = Partial<RelayOptions>;

/** What `relay.config.ts` exports: options, or a function of them that runs when the server starts. It may be async. */
export type RelayConfigFile = Options | (() => Options | Promise<Options>);

/** What a build found, for the words of an error. */
export interface ConfigPlace {
  /** Where the file was looked for, where there is none. */
  searched?: string;
}

/** Options out of `runtimeConfig.relay` (data) and the config file (code), which goes before it. A promise only where the file gives one. */
export function toOptions(
  data: Record<string, unknown> | undefined,
  file: RelayConfigFile | undefined,
  storage: unknown,
  place: ConfigPlace = {},
): RelayOptions | Promise<RelayOptions> {
  // `route` is the module's own.
  const { route: _, ...rest } = data ?? {};
  const base = { storage, ...rest };
  if (typeof file === "function" && "relay" in file)
    wrong("relay.config", "exports a relay; export the options that you gave to `defineRelay`");
  const code: unknown = typeof file === "function" ? file() : file;
  return code instanceof Promise
    ? code.then((given: unknown) => join(base, given, place))
    : join(base, code, place);
}

function join(
  base: Record<string, unknown>,
  code: unknown,
  { searched }: ConfigPlace,
): RelayOptions {
  if (searched === undefined && !isGroup(code))
    wrong(
      "relay.config",
      "must export an object of options by default, or a function that gives it",
    );
  const merged = merge(base, isGroup(code) ? code : {});
  if (
    searched !== undefined &&
    merged["upstream"] === undefined &&
    merged["upstreams"] === undefined
  )
    wrong("upstream", `is missing; when the server was built, there was no ${searched}`);
  noteStorage(merged["storage"], base["storage"]);
  return merged as unknown as RelayOptions;
}

/** Groups of options are merged by their fields; everything else is replaced. */
function merge(
  base: Record<string, unknown>,
  over: Record<string, unknown>,
): Record<string, unknown> {
  const merged = { ...base };
  for (const [name, value] of Object.entries(over)) {
    const held = merged[name];
    merged[name] = isGroup(held) && isGroup(value) ? { ...held, ...value } : value;
  }
  return merged;
}

function isGroup(value: unknown): value is Record<string, unknown> {
  const isObject = typeof value === "object" && value !== null;
  const prototype: unknown = isObject ? Object.getPrototypeOf(value) : undefined;
  return prototype === Object.prototype || prototype === null;
}
