// The OAuth 2 token endpoint: refresh tokens (RFC 6749, section 6) and JWT bearer assertions (RFC 7523).
import type { Asked } from "../inbound.ts";
import type { Refused } from "../refusals.ts";
import { formOf, toJson } from "./answers.ts";
import type { Grants } from "./grants.ts";
import { readJwt } from "./jwt.ts";

const JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/** Answers `POST /oauth/token`, form-encoded or JSON. */
export function answerTokenRequest(asked: Asked, grants: Grants, refreshed: () => void): Refused {
  const form = formOf(asked);
  const type = form.get("grant_type");
  if (type === "refresh_token") return refresh(form.get("refresh_token"), grants, refreshed);
  if (type === JWT_BEARER) return exchangeAssertion(form.get("assertion"), grants);
  if (type === null) return refuse("invalid_request", "grant_type is missing");
  return refuse("unsupported_grant_type", `${type} is not supported`);
}

function refresh(token: string | null, grants: Grants, refreshed: () => void): Refused {
  if (token === null) return refuse("invalid_request", "refresh_token is missing");
  const found = grants.present(token);
  if ("refused" in found) return refuse(found.refused, "Refresh token not found or invalid");
  refreshed();
  const { accessToken, refreshToken, expiresIn } = grants.issue(found.grant, grants.options.rotate);
  const fields = { access_token: accessToken, token_type: "Bearer", expires_in: expiresIn };
  return toToken(grants.options.rotate ? { ...fields, refresh_token: refreshToken } : fields);
}

// The signature is not verified: the simulator covers the exchange, not the cryptography.
function exchangeAssertion(assertion: string | null, grants: Grants): Refused {
  const issuer = readJwt(assertion ?? "")?.iss;
  if (typeof issuer !== "string") return refuse("invalid_grant", "Invalid JWT assertion");
  const grant = grants.get(issuer) ?? grants.create(issuer);
  if (grant.revoked) return refuse("invalid_grant", "Account not found");
  const { accessToken, expiresIn } = grants.issue(grant, false);
  return toToken({ access_token: accessToken, token_type: "Bearer", expires_in: expiresIn });
}

function toToken(fields: object): Refused {
  const answer = toJson(200, fields);
  return { ...answer, headers: { ...answer.headers, "cache-control": "no-store" } };
}

function refuse(error: string, description: string): Refused {
  const status = error === "invalid_client" ? 401 : 400;
  return toJson(status, { error, error_description: description });
}
