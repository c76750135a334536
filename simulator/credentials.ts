// Names of credentials: a short stable name for each secret.
import { readJwt } from "./identity/jwt.ts";

export interface Names {
  /** Returns the name of the credential with a secret; `"none"` for no secret. */
  nameOf(secret: string): string;
}

/** Creates names: those of the keys, then the subject of a JWT, then `c1`, `c2` … in order of appearance. */
export function createNames(keys: ReadonlyMap<string, string> | undefined): Names {
  const strangers = new Map<string, string>();
  return {
    nameOf(secret) {
      if (secret === "") return "none";
      const known = keys?.get(secret) ?? strangers.get(secret) ?? subjectOf(secret);
      if (known !== undefined) return known;
      const name = `c${strangers.size + 1}`;
      strangers.set(secret, name);
      return name;
    },
  };
}

// Two tokens of one user are one credential, as for a provider.
function subjectOf(secret: string): string | undefined {
  const subject = secret.startsWith("ey") ? readJwt(secret)?.sub : undefined;
  return typeof subject === "string" ? subject : undefined;
}
