// Unsigned JSON Web Tokens.

export interface Claims {
  sub: string;
  /** Seconds since the epoch, as in every JWT. */
  iat: number;
  exp: number;
  [claim: string]: unknown;
}

const HEADER = toBase64Url({ alg: "none", typ: "JWT" });

/** Writes claims as a JWT with an empty signature. */
export function toJwt(claims: Claims): string {
  return `${HEADER}.${toBase64Url(claims)}.`;
}

/** Reads a JWT's claims without verifying anything; `undefined` where it is not a JWT. */
export function readJwt(token: string): Partial<Claims> | undefined {
  const parts = token.split(".");
  if (parts.length !== 3) return undefined;
  try {
    const claims: unknown = JSON.parse(Buffer.from(parts[1] ?? "", "base64url").toString());
    return typeof claims === "object" && claims !== null ? (claims as Partial<Claims>) : undefined;
  } catch {
    return undefined;
  }
}

function toBase64Url(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}
