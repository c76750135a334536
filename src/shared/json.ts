/** Safe access to JSON of unknown structure. */

export type Fields = Record<string, unknown>;

/** Returns the value as an object with fields, or `undefined`; an array is not one. */
export function asFields(value: unknown): Fields | undefined {
  return isFields(value) ? value : undefined;
}

/** True for an object that is no array. */
export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Copies an object without the fields that are `undefined`; `{}` without an object: `{ maxWait: undefined }` means the default. */
export function withoutUndefined<T extends object>(
  fields: T | undefined,
): { [K in keyof T]: Exclude<T[K], undefined> } {
  const entries = Object.entries(fields ?? {}).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as never;
}

/** Returns the value as a list; an empty one where it is not a list. */
export function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** Parses JSON text; `undefined` where it is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Returns the value at a path of field names (`error.code`); `undefined` where there is none. */
export function valueAt(json: unknown, path: string): unknown {
  let value = json;
  for (const name of path.split(".")) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, name))
      return undefined;
    value = (value as Fields)[name];
  }
  return value;
}

/** Returns a field as a non-empty string, or `undefined`. */
export function textField(value: unknown, name: string): string | undefined {
  const field = asFields(value)?.[name];
  return typeof field === "string" && field !== "" ? field : undefined;
}

/** True when a value has content: not null, `""`, `[]` or `{}`. */
export function isFilled(value: unknown): boolean {
  if (value === undefined || value === null || value === "") return false;
  if (typeof value !== "object") return true;
  for (const _ in value) return true;
  return false;
}
