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

/** Blacks a secret out of a text, and any piece of it that begins as it begins: upstreams like to quote keys (J7). */
export function redact(text: string, secret: string): string {
  const start = secret.slice(0, Math.max(6, Math.min(10, secret.length - 4)));
  if (start.length < 6 || !text.includes(start)) return text;
  const [head = "", ...parts] = text.split(start);
  return head + parts.map((part) => `[redacted]${part.replace(/^[\w.*+/=~-]*/, "")}`).join("");
}
