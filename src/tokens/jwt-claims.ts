// What a JWT says of itself, read without checking who signed it: whoever gave it to us knows (RFC 7519).

export interface Claims {
  /** UTC epoch ms of the issuer's clock. */
  expiresAt: number | undefined;
  /** Whose token it is. */
  subject: string | undefined;
}

/** Reads a token's claims; `undefined` for anything that is no JWT. */
export function readClaims(token: string): Claims | undefined {
  const [, payload, signature] = token.split(".");
  if (!payload || signature === undefined) return undefined;
  try {
    const claims = JSON.parse(decode(payload)) as Record<string, unknown> | null;
    if (claims === null || typeof claims !== "object") return undefined;
    const { exp, sub, user_id: userId } = claims;
    const isTime = typeof exp === "number" && Number.isFinite(exp) && exp > 0;
    const subject = [sub, userId].find((one) => typeof one === "string" && one !== "");
    return { expiresAt: isTime ? exp * 1_000 : undefined, subject: subject as string | undefined };
  } catch {
    return undefined;
  }
}

function decode(base64url: string): string {
  const binary = atob(base64url.replaceAll("-", "+").replaceAll("_", "/"));
  return new TextDecoder().decode(Uint8Array.from(binary, (one) => one.charCodeAt(0)));
}
