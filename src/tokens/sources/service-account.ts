// Service accounts: a signed assertion is exchanged for an access token (RFC 7523, section 2.1).
import type { TokenSource } from "../../contract/token-source.ts";
import { assertRequired } from "../required-options.ts";
import { requestToken } from "./oauth.ts";
import { wallTime } from "../../shared/times.ts";

export interface ServiceAccountOptions {
  /** Issuer of the assertion, and its subject by default. */
  clientEmail: string;
  /** Private key, PKCS #8 in PEM. */
  privateKey: string;
  /** URL of the token endpoint. */
  tokenURL: string;
  /** Scopes to request, separated by spaces. */
  scope?: string;
  /** Audience of the assertion. @default the token URL */
  audience?: string;
  /** Subject of the assertion. @default `clientEmail` */
  subject?: string;
  /** Algorithm of the signature. @default "RS256" */
  algorithm?: string;
  /** Id of the key, for servers with several keys. */
  keyId?: string;
}

const GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const ASSERTION_SECONDS = 600;

/**
 * Requests access tokens for a service account. The assertion is signed with jose, which is loaded at the first use.
 *
 * @example
 * { id: "robot", token: serviceAccount({ clientEmail, privateKey, tokenURL, scope }) }
 */
export function serviceAccount(options: ServiceAccountOptions): TokenSource {
  assertRequired("serviceAccount", options, ["clientEmail", "privateKey", "tokenURL"]);
  return {
    kind: "service-account",
    secret: JSON.stringify([options.clientEmail, options.keyId, options.privateKey]),
    rotates: false,
    async refresh(context) {
      const assertion = await sign(options, Math.floor(wallTime(context.clock) / 1_000));
      return requestToken(context, {
        url: options.tokenURL,
        form: { grant_type: GRANT, assertion },
      });
    },
  };
}

async function sign(options: ServiceAccountOptions, now: number): Promise<string> {
  const { clientEmail, privateKey, tokenURL, scope, audience = tokenURL } = options;
  const { subject = clientEmail, algorithm = "RS256", keyId } = options;
  const { importPKCS8, SignJWT } = await import("jose");
  const key = await importPKCS8(privateKey, algorithm);
  const header = { alg: algorithm, typ: "JWT", ...(keyId && { kid: keyId }) };
  return new SignJWT(scope === undefined ? {} : { scope })
    .setProtectedHeader(header)
    .setIssuer(clientEmail)
    .setSubject(subject)
    .setAudience(audience)
    .setIssuedAt(now)
    .setExpirationTime(now + ASSERTION_SECONDS)
    .setJti(crypto.randomUUID())
    .sign(key);
}
