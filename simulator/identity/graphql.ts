// A GraphQL mutation that creates an anonymous user and returns a custom token for an exchange.
import { fieldOf } from "../inbound.ts";
import type { Asked } from "../inbound.ts";
import type { Refused } from "../refusals.ts";
import { toCreateLimited, toJson } from "./answers.ts";
import type { Creations } from "./creations.ts";
import type { Grants } from "./grants.ts";
import { toJwt } from "./jwt.ts";

const EXCHANGE_TIME = 3600;

/** Answers `POST /graphql`; the data has the name of the first field in the query. */
export function createByGraphql(
  asked: Asked,
  grants: Grants,
  creations: Creations,
  now: number,
): Refused {
  const query = fieldOf(asked.json, "query");
  if (typeof query !== "string")
    return toJson(400, { errors: [{ message: "Must provide query string." }] });
  const wait = creations.attempt();
  if (wait > 0) return toCreateLimited(wait, creations);
  const { name } = grants.create(creations.name());
  const iat = Math.floor(now / 1000);
  const customToken = toJwt({ sub: "simulator", iat, exp: iat + EXCHANGE_TIME, uid: name });
  const field = /\{\s*(\w+)/.exec(query)?.[1] ?? "createAnonymousUser";
  return toJson(200, { data: { [field]: { customToken, user: { id: name, isAnonymous: true } } } });
}
