// Dispatches requests to the token endpoints.
import type { Clock } from "../../src/contract/clock.ts";
import type { Asked } from "../inbound.ts";
import type { Ledger } from "../ledger.ts";
import type { Refused } from "../refusals.ts";
import { formOf } from "./answers.ts";
import { Creations } from "./creations.ts";
import type { CreationOptions } from "./creations.ts";
import { exchangeToken, refreshSecureToken, signUp } from "./firebase.ts";
import { Grants } from "./grants.ts";
import type { TokenOptions } from "./grants.ts";
import { createByGraphql } from "./graphql.ts";
import { answerTokenRequest } from "./oauth.ts";

/** The token endpoints of one simulator. */
export class IdentityHandler {
  readonly grants: Grants;
  readonly creations: Creations;
  #clock: Clock;
  #ledger: Ledger;

  constructor(tokens: TokenOptions, creations: CreationOptions, clock: Clock, ledger: Ledger) {
    this.grants = new Grants(tokens, clock, ledger);
    this.creations = new Creations(creations, clock, ledger);
    this.#clock = clock;
    this.#ledger = ledger;
  }

  /** Returns the name of the grant whose refresh token a request contains. */
  nameOf(asked: Asked): string | undefined {
    const token = formOf(asked).get("refresh_token");
    return token === null ? undefined : this.grants.owner(token);
  }

  /** Answers a token request; `undefined` for any other request. */
  answer(asked: Asked): Refused | undefined {
    const answer = this.#answer(asked);
    if (answer === undefined) return undefined;
    const date = new Date(this.#clock.now() + this.grants.options.dateSkew).toUTCString();
    return { ...answer, headers: { ...answer.headers, date } };
  }

  #answer(asked: Asked): Refused | undefined {
    const refreshed = (): void => {
      this.#ledger.refreshes.refreshed++;
    };
    switch (asked.operation) {
      case "sign-up":
        return signUp(asked, this.grants, this.creations);
      case "graphql":
        return createByGraphql(asked, this.grants, this.creations, this.#clock.now());
      case "exchange":
        return exchangeToken(asked, this.grants);
      case "secure-token":
        return refreshSecureToken(asked, this.grants, refreshed);
      case "oauth-token":
        return answerTokenRequest(asked, this.grants, refreshed);
      default:
        return undefined;
    }
  }
}
