// Anonymous sign-up, the exchange of custom tokens and secure-token refresh, in Firebase's format.
import type { Refused } from "../refusals.ts";
import { fieldOf } from "../inbound.ts";
import type { Asked } from "../inbound.ts";
import { formOf, toCreateLimited, toJson } from "./answers.ts";
import type { Creations } from "./creations.ts";
import type { Grants, Issued } from "./grants.ts";
import { readJwt } from "./jwt.ts";

/** Creates an anonymous user: `POST /v1/accounts:signUp?key=`. */
export function signUp(asked: Asked, grants: Grants, creations: Creations): Refused {
  if (asked.secret === "") return missingKey();
  const wait = creations.attempt();
  if (wait > 0) return toCreateLimited(wait, creations);
  const grant = grants.create(creations.name());
  const kind = "identitytoolkit#SignupNewUserResponse";
  return toJson(200, { kind, ...toUser(grants.issue(grant, false)), localId: grant.name });
}

/** Exchanges a custom token for an ID token: `POST /v1/accounts:signInWithCustomToken?key=`. */
export function exchangeToken(asked: Asked, grants: Grants): Refused {
  if (asked.secret === "") return missingKey();
  const claims = readJwt(String(fieldOf(asked.json, "token")));
  const uid = claims?.uid;
  if (typeof uid !== "string") return refuse("INVALID_CUSTOM_TOKEN");
  const known = grants.get(uid);
  const grant = known ?? grants.create(uid);
  if (grant.revoked) return refuse("USER_DISABLED");
  const kind = "identitytoolkit#VerifyCustomTokenResponse";
  return toJson(200, {
    kind,
    ...toUser(grants.issue(grant, false)),
    isNewUser: known === undefined,
  });
}

/** Refreshes an ID token: `POST /v1/token?key=`. The refresh token does not change. */
export function refreshSecureToken(asked: Asked, grants: Grants, refreshed: () => void): Refused {
  if (asked.secret === "") return missingKey();
  const token = formOf(asked).get("refresh_token");
  if (token === null) return refuse("MISSING_REFRESH_TOKEN");
  const found = grants.present(token);
  if ("refused" in found) {
    return refuse(found.refused === "invalid_grant" ? "INVALID_REFRESH_TOKEN" : found.refused);
  }
  refreshed();
  const { accessToken, refreshToken, expiresIn } = grants.issue(found.grant, false);
  return toJson(200, {
    access_token: accessToken,
    expires_in: String(expiresIn),
    token_type: "Bearer",
    refresh_token: refreshToken,
    id_token: accessToken,
    user_id: found.grant.name,
    project_id: "simulated",
  });
}

function toUser({ accessToken, refreshToken, expiresIn }: Issued): object {
  return { idToken: accessToken, refreshToken, expiresIn: String(expiresIn) };
}

function missingKey(): Refused {
  return refuse("The request is missing a valid API key.", 403);
}

function refuse(message: string, code = 400): Refused {
  const errors = [{ message, domain: "global", reason: "invalid" }];
  return toJson(code, { error: { code, message, errors } });
}
