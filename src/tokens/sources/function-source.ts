// The operator's function as a token source.
import type { FreshToken, TokenFunction, TokenSource } from "../../contract/token-source.ts";
import { TokenError } from "../token-error.ts";

/** Creates a token source from a function. */
export function fromFunction(get: TokenFunction): TokenSource {
  return {
    kind: "function",
    rotates: false,
    async refresh(context) {
      let fresh: FreshToken | string;
      try {
        fresh = await get(context);
      } catch (error) {
        if (error instanceof TokenError) throw error;
        throw new TokenError({
          step: "refresh",
          code: context.signal.aborted ? "TIMEOUT" : "SOURCE",
          cause: error,
        });
      }
      const token = typeof fresh === "string" ? { accessToken: fresh } : fresh;
      const isToken = typeof token?.accessToken === "string" && token.accessToken !== "";
      if (!isToken)
        throw new TokenError({ step: "refresh", code: "INVALID_ANSWER", what: "accessToken" });
      return token;
    },
  };
}
