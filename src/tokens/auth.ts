// What a credential presents. A secret that is at hand is peeked at, so that choosing and sending stay in one turn of the loop.

import type { TokenSource } from "../contract/token-source.ts";
import type { TokenRecord } from "../contract/records.ts";

export interface Auth {
  /** The secret to send now; `undefined` where it must be waited for. */
  getCached(credential: string): string | undefined;
  /** Waits for a secret; resolves with whether there is one now. Never rejects. */
  ensure(credential: string): Promise<boolean>;
  /** Why there is no token, in words of ours, and when it is tried again, UTC epoch ms; `undefined` for a static key. */
  unavailableReason(credential: string): { detail: string; retryAt: number } | undefined;
  /** True where a refused secret can be replaced by a fresh one. */
  isRenewable(credential: string): boolean;
  /** The upstream has refused this secret; `isNew`: though it had just come. True where it was the one in use. */
  reject(credential: string, secret: string, isNew: boolean): boolean;
  /** Takes a credential in that was made at run time, with the newest token known. */
  join(credential: string, source: TokenSource, record: TokenRecord | undefined): void;
  leave(credential: string): void;
}
