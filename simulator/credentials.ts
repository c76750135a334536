// Who is calling: a short stable name for each secret.

export interface Names {
  /** Returns the name of who presents a secret; `"none"` for no secret. */
  nameOf(secret: string): string;
}

/** Creates names: those of the keys, then the subject of a JWT, then `c1`, `c2` … in order of appearance. */
export function createNames(keys: ReadonlyMap<string, string> | undefined): Names {
  const seen = new Map<string, string>();
  let strangers = 0;
  return {
    nameOf(secret) {
      if (secret === "") return "none";
      const known = keys?.get(secret) ?? seen.get(secret);
      if (known !== undefined) return known;
      const name = `c${++strangers}`;
      seen.set(secret, name);
      return name;
    },
  };
}
