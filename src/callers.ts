// Who may call: the operator's own check, or, without one, a cap per client address (N7).
import type { Call } from "./contract/call.ts";
import type { AuthorizeFault } from "./authorize-faults.ts";
import type { Authorize } from "./options/types.ts";
import { RelayError } from "./errors.ts";

export type Admission =
  | { kind: "admitted"; caller: string | undefined; leave: () => void }
  | { kind: "answered"; response: Response };

export interface Callers {
  /** Lets a call in, or throws `ERR_RELAY_UNAUTHORIZED`, `ERR_RELAY_AUTHORIZE` or `ERR_RELAY_CALLER_BUSY`. */
  admit(call: Call): Admission | Promise<Admission>;
}

const nothing = (): void => {};

export function createCallers(
  authorize: Authorize | undefined,
  perClient: number | false,
  onFault: (fault: AuthorizeFault) => void,
): Callers {
  const underWay = new Map<string, number>();

  function byAddress(call: Call): Admission {
    const { address } = call;
    if (perClient === false || address === undefined)
      return { kind: "admitted", caller: undefined, leave: nothing };
    const count = underWay.get(address) ?? 0;
    if (count >= perClient)
      throw new RelayError("ERR_RELAY_CALLER_BUSY", { limit: perClient, retryAfter: 1 });
    underWay.set(address, count + 1);
    return { kind: "admitted", caller: undefined, leave: () => leave(address) };
  }

  function leave(address: string): void {
    const count = underWay.get(address)! - 1;
    if (count > 0) underWay.set(address, count);
    else underWay.delete(address);
  }

  async function byOperator(check: Authorize, call: Call): Promise<Admission> {
    const result: unknown = await ask(check, call);
    if (result instanceof Response) return { kind: "answered", response: result };
    if (result === true) return { kind: "admitted", caller: undefined, leave: nothing };
    if (typeof result === "string" && result !== "")
      return { kind: "admitted", caller: result, leave: nothing };
    if (result === false || result === null || result === undefined || result === "")
      throw new RelayError("ERR_RELAY_UNAUTHORIZED");
    // A number or an object is nobody's id: letting it in would give all such callers one key, or none.
    throw failed({ returned: result });
  }

  async function ask(check: Authorize, call: Call): Promise<unknown> {
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

  return { admit: (call) => (authorize ? byOperator(authorize, call) : byAddress(call)) };
}
