// The relay's options, read from the app's data and code.
import type { RelayOptions } from "../../src/options/types.ts";
import { wrong } from "../../src/options/validate.ts";
import { defaultStorage } from "./default-storage.ts";
import { noteStorage } from "./storages.ts";

type Options = Partial<RelayOptions>;

/** The default export of `relay.config.ts`: options, or a function, which may be async, that returns them when the server starts. */
export type RelayConfigFile = Options | (() => Options | Promise<Options>);

/** What a build has found, for the text of an error. */
export interface ConfigPlace {
  /** Where the config file was looked for, when there is none. */
  searched?: string;
}

/**
 * Merges `runtimeConfig.relay` (data) with the config file (code), whose options win. The app's root storage is the default of
 * `storage`. Returns a promise only when the file returns one.
 */
export function toOptions(
  data: Record<string, unknown> | undefined,
  file: RelayConfigFile | undefined,
  storage: unknown,
  place: ConfigPlace = {},
): RelayOptions | Promise<RelayOptions> {
  // `route` is an option of the module, not of the relay.
  const { route: _, ...base } = data ?? {};
  if (typeof file === "function" && "relay" in file)
    wrong("relay.config", "exports a relay; export the options that you passed to `defineRelay`");
  const code: unknown = typeof file === "function" ? file() : file;
  return code instanceof Promise
    ? code.then((given: unknown) => join(base, given, storage, place))
    : join(base, code, storage, place);
}

function join(
  base: Record<string, unknown>,
  code: unknown,
  storage: unknown,
  { searched }: ConfigPlace,
): RelayOptions {
  if (searched === undefined && !isGroup(code))
    wrong(
      "relay.config",
      "must export an object of options by default, or a function that returns it",
    );
  const merged = merge(base, isGroup(code) ? code : {});
  if (
    searched !== undefined &&
    merged["upstream"] === undefined &&
    merged["upstreams"] === undefined
  )
    wrong("upstream", `is missing; when the server was built, there was no ${searched}`);
  if (!("storage" in merged)) merged["storage"] = defaultStorage(storage, merged);
  noteStorage(merged["storage"], storage);
  return merged as unknown as RelayOptions;
}

/** Merges groups of options field by field; any other value is replaced. */
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
