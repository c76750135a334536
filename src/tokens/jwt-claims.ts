// The claims of a JWT (RFC 7519). The signature is not verified: the token comes from its issuer, or from the operator.

export interface Claims {
  /** UTC epoch ms, by the issuer's clock. */
  expiresAt: number | undefined;
  /** Id of the user or account. */
  subject: string | undefined;
}

/** Reads the claims of a token; `undefined` when it is not a JWT. */
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
