// Checks that the option `storage` is a storage.

const METHODS = ["getItem", "getItems", "setItem", "removeItem", "getKeys"] as const;
const HOW = "pass `createStorage({ driver })` of unstorage, or `useStorage()` in Nitro and Nuxt";

type Given = Partial<Record<string, unknown>>;

/** Returns what was passed and what to pass; `undefined` for a storage, and for one with a few methods missing. */
export function faultOfStorage(storage: unknown): string | undefined {
  if (typeof storage === "string") return `must be a storage, not a string or a URL: ${HOW}`;
  if (typeof storage === "function" && /^class\b/.test(String(storage)))
    return `must be a storage, not a class: ${HOW}`;
  if (typeof storage === "function")
    return `must be a storage, not a function: call it (\`useStorage()\`)`;
  if (typeof storage !== "object" || storage === null) return `must be a storage: ${HOW}`;
  const given = storage as Given;
  if (typeof given["then"] === "function")
    return "must be a storage, not a promise: await it first, in an `async` factory";
  const has = (name: string): boolean => typeof given[name] === "function";
  const isWhole = METHODS.every(has);
  // A driver has some of the method names of a storage, but no `mount`.
  const isDriver = typeof given["name"] === "string" || !isWhole;
  if (isDriver && !has("mount") && has("hasItem") && has("getItem"))
    return "must be a storage, not a driver: wrap it, `createStorage({ driver })` of unstorage";
  if (!isWhole && !has("getItem")) return `must be a storage, but has no \`getItem\`: ${HOW}`;
  return undefined;
}
