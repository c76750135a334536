// Users, their refresh tokens and access tokens: the state of the token endpoints.
import type { Clock } from "../../src/contract/clock.ts";
import type { Ledger } from "../ledger.ts";
import { readJwt, toJwt } from "./jwt.ts";

/** How tokens are issued. */
export interface TokenOptions {
  /** Lifetime of an access token, in ms. @default 3_600_000 */
  lifetime?: number;
  /** Every refresh at `/oauth/token` issues a new refresh token and invalidates the old one. @default true */
  rotate?: boolean;
  /** Effect of a used refresh token: `revoke` ends the whole grant, access tokens included. @default "revoke" */
  reuse?: "revoke" | "refuse";
  /** Added to the `Date` header of token answers, in ms, to simulate a token server with a wrong clock. @default 0 */
  dateSkew?: number;
  /** Names and refresh tokens of the initial grants. */
  grants?: Readonly<Record<string, string>>;
}

export interface Grant {
  /** Also the `sub` of its tokens, and the credential's name in the ledger. */
  name: string;
  /** The refresh token that is currently valid. */
  refreshToken: string;
  /** Number of rotations. */
  generation: number;
  revoked: boolean;
  /** Why a revoked grant is refused: `invalid_grant`, or a Firebase code. */
  because: string;
}

export interface Issued {
  accessToken: string;
  refreshToken: string;
  /** Lifetime of the access token, in seconds. */
  expiresIn: number;
}

/** The result of a look-up: a valid grant, or the reason of the refusal. */
export type Found = { grant: Grant } | { refused: string };

/** The grants of one simulator. */
export class Grants {
  readonly options: Required<Omit<TokenOptions, "grants">>;
  #clock: Clock;
  #ledger: Ledger;
  #byName = new Map<string, Grant>();
  // Every refresh token ever issued, so that a used one is recognised.
  #byRefreshToken = new Map<string, Grant>();
  #revokedTokens = new Set<string>();
  #issued = 0;

  constructor(options: TokenOptions, clock: Clock, ledger: Ledger) {
    const {
      lifetime = 3_600_000,
      rotate = true,
      reuse = "revoke",
      dateSkew = 0,
      grants = {},
    } = options;
    this.options = { lifetime, rotate, reuse, dateSkew };
    this.#clock = clock;
    this.#ledger = ledger;
    for (const [name, refreshToken] of Object.entries(grants)) this.create(name, refreshToken);
  }

  /** Creates a grant; its name must be new. */
  create(name: string, refreshToken: string = this.#newRefreshToken(name, 0)): Grant {
    const grant: Grant = {
      name,
      refreshToken,
      generation: 0,
      revoked: false,
      because: "invalid_grant",
    };
    this.#byName.set(name, grant);
    this.#byRefreshToken.set(refreshToken, grant);
    return grant;
  }

  get(name: string): Grant | undefined {
    return this.#byName.get(name);
  }

  /** Returns the name of the grant that a refresh token belongs or belonged to. */
  owner(refreshToken: string): string | undefined {
    return this.#byRefreshToken.get(refreshToken)?.name;
  }

  /** Issues tokens; `rotate` issues a new refresh token and invalidates the old one. */
  issue(grant: Grant, rotate: boolean): Issued {
    if (rotate) {
      grant.generation++;
      grant.refreshToken = this.#newRefreshToken(grant.name, grant.generation);
      this.#byRefreshToken.set(grant.refreshToken, grant);
    }
    return {
      accessToken: this.accessToken(grant.name),
      refreshToken: grant.refreshToken,
      expiresIn: Math.floor(this.options.lifetime / 1000),
    };
  }

  /** Writes an access token; each one is different. */
  accessToken(name: string, lifetime: number = this.options.lifetime): string {
    const iat = Math.floor(this.#clock.now() / 1000);
    const exp = Math.floor((this.#clock.now() + lifetime) / 1000);
    return toJwt({ sub: name, iat, exp, jti: String(++this.#issued) });
  }

  /** Looks up a refresh token, and revokes the grant when the token has already been used. */
  present(refreshToken: string): Found {
    this.#ledger.refreshes.attempts++;
    const grant = this.#byRefreshToken.get(refreshToken);
    if (grant === undefined) return { refused: "invalid_grant" };
    const used = grant.refreshToken !== refreshToken;
    if (used) this.#reused(grant);
    if (grant.revoked) return { refused: grant.because };
    return used ? { refused: "invalid_grant" } : { grant };
  }

  /** Ends a grant: its refresh token is refused with `because`, its access tokens with 401. */
  revoke(name: string, because = "invalid_grant"): void {
    const grant = this.#byName.get(name);
    if (grant === undefined) throw new TypeError(`There is no grant "${name}".`);
    grant.revoked = true;
    grant.because = because;
  }

  /** Refuses one access token from now on, whatever its `exp` says. */
  revokeAccess(accessToken: string): void {
    this.#revokedTokens.add(accessToken);
  }

  /** Checks whether a secret is a token of a user, and whether it is valid now; `undefined` where it is not a JWT. */
  check(secret: string): "good" | "expired" | "revoked" | "unknown" | undefined {
    const claims = readJwt(secret);
    if (claims === undefined) return undefined;
    if (typeof claims.exp === "number" && claims.exp * 1000 <= this.#clock.now()) return "expired";
    if (this.#revokedTokens.has(secret)) return "revoked";
    const grant = this.#byName.get(String(claims.sub));
    if (grant === undefined) return "unknown";
    return grant.revoked ? "revoked" : "good";
  }

  #reused(grant: Grant): void {
    this.#ledger.refreshes.reused++;
    if (this.options.reuse !== "revoke" || grant.revoked) return;
    grant.revoked = true;
    this.#ledger.refreshes.revokedGrants++;
  }

  #newRefreshToken(name: string, generation: number): string {
    return `refresh.${name}.${generation}.${(++this.#issued).toString(36)}`;
  }
}
