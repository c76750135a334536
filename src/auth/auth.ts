// What a credential presents. A secret that is at hand is peeked at, so that choosing and sending stay in one turn of the loop.

export interface Auth {
  /** The secret to send now; `undefined` where it must be waited for. */
  peek(credential: string): string | undefined;
  /** True where a refused secret can be replaced by a fresh one. */
  isRenewable(credential: string): boolean;
}

/** Presents static keys. */
export function createStaticAuth(secrets: ReadonlyMap<string, string>): Auth {
  return {
    peek: (credential) => secrets.get(credential),
    isRenewable: () => false,
  };
}
