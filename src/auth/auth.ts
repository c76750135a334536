// What a credential presents. A secret that is at hand is peeked at, so that choosing and sending stay in one turn of the loop.

import type { TokenSource } from "../contract/auth.ts";
import type { TokenRecord } from "../contract/state.ts";

export interface Auth {
  /** The secret to send now; `undefined` where it must be waited for. */
  peek(credential: string): string | undefined;
  /** True where a refused secret can be replaced by a fresh one. */
  isRenewable(credential: string): boolean;
  /** Takes a credential in that was made at run time, with the newest token known. */
  join(credential: string, source: TokenSource, record: TokenRecord): void;
  leave(credential: string): void;
}

/** Presents static keys. */
export function createStaticAuth(secrets: ReadonlyMap<string, string>): Auth {
  const tokens = new Map<string, string>();
  return {
    peek: (credential) => secrets.get(credential) ?? tokens.get(credential),
    isRenewable: () => false,
    join: (credential, _, { accessToken }) => void tokens.set(credential, accessToken),
    leave: (credential) => void tokens.delete(credential),
  };
}
