// Reports calls other than the relayed one (tokens, creations, quotas) that the runtime denies.
import { denialOf } from "../shared/denied-permission.ts";
import type { Reporter } from "./reporter.ts";

/** Wraps a `fetch` so that a missing permission is logged; the caller gets the error unchanged. */
export function reportDenials(call: typeof fetch, reporter: Reporter): typeof fetch {
  return async (...args) => {
    try {
      return await call(...args);
    } catch (error) {
      const denial = denialOf(error);
      if (denial !== undefined) reporter.error(denial);
      throw error;
    }
  };
}
