// Decides which requests are admitted: the operator's `authorize` function (N7), and a limit on concurrent requests per caller or address
// (N10).
import type { InboundCall } from "../contract/inbound-call.ts";
import type { AuthorizeFault } from "./authorize-faults.ts";
import type { Authorize } from "../options/types.ts";
import type { CallerLimits } from "./caller-limits.ts";
import { RelayError } from "../shared/errors.ts";

export interface Admitted {
  kind: "admitted";
  caller: string | undefined;
  /** Address as the host reported it when the call arrived. Kept, because a closed socket no longer has it. */
  peer: string | undefined;
}

export type Admission = Admitted | { kind: "answered"; response: Response };

export interface CallerAdmission extends CallerLimits {
  /** Admits a call, or throws `ERR_RELAY_UNAUTHORIZED` or `ERR_RELAY_AUTHORIZE`. */
  admit(call: InboundCall): Admission | Promise<Admission>;
  /** Reports that `authorize` has not settled within `limit` ms; returns the error that ends the request. */
  unsettled(limit: number): RelayError;
}

/** Maximum length of a caller id, in characters: the id is stored with each session of the caller. */
const ID_LENGTH = 256;

export function createCallerAdmission(
  authorize: Authorize | undefined,
  caps: CallerLimits,
  onFault: (fault: AuthorizeFault) => void,
): CallerAdmission {
  /** True after `authorize` has returned a value once: from then on `undefined` may be a decision. */
  let hasAnswered = false;

  async function byOperator(check: Authorize, call: InboundCall): Promise<Admission> {
    const peer = call.address;
    const result: unknown = await ask(check, call);
    if (result === undefined && !hasAnswered) onFault({ returned: undefined });
    hasAnswered = true;
    if (result instanceof Response) return { kind: "answered", response: result };
    if (result === true) return { kind: "admitted", caller: undefined, peer };
    if (typeof result === "string" && result.length > ID_LENGTH) throw failed({ returned: result });
    if (typeof result === "string" && result !== "")
      return { kind: "admitted", caller: result, peer };
    if (result === false || result === null || result === undefined || result === "")
      throw new RelayError("ERR_RELAY_UNAUTHORIZED");
    // A number or an object is not a caller id: accepting it would give all such callers one id, or none.
    throw failed({ returned: result });
  }

  async function ask(check: Authorize, call: InboundCall): Promise<unknown> {
    try {
      return await check(call.request());
    } catch (error) {
      if (error instanceof Response) return error;
      throw failed({ thrown: error });
    }
  }

  function failed(fault: AuthorizeFault): RelayError {
    onFault(fault);
    const cause = "thrown" in fault ? fault.thrown : undefined;
    return new RelayError("ERR_RELAY_AUTHORIZE", { cause });
  }

  return {
    enter: caps.enter,
    unsettled: (limit) => failed({ unsettledFor: limit }),
    admit: (call) =>
      authorize
        ? byOperator(authorize, call)
        : { kind: "admitted", caller: undefined, peer: call.address },
  };
}
