/** Recognises a secret without storing it, by a salted hash in a mark. */
import { toHex } from "../records/record-keys.ts";

const FORMAT = /^hmac-sha256:([0-9a-f]{32}):([0-9a-f]{64})$/;

/** Hashes `secret` under a new random salt, as `hmac-sha256:<salt>:<hash>` in hex. */
export async function hashSecret(secret: string): Promise<string> {
  const salt = crypto.getRandomValues(new Uint8Array(16));
  const hash = await crypto.subtle.sign("HMAC", await saltKey(salt), encode(secret));
  return `hmac-sha256:${toHex(salt)}:${toHex(new Uint8Array(hash))}`;
}

/** True when `secret` is the one that was hashed; false for any text that is not such a hash. */
export async function isSameSecret(secret: string, secretHash: string): Promise<boolean> {
  const [, salt, hash] = FORMAT.exec(secretHash) ?? [];
  if (salt === undefined || hash === undefined) return false;
  // `verify` compares in constant time.
  return crypto.subtle.verify("HMAC", await saltKey(fromHex(salt)), fromHex(hash), encode(secret));
}

function saltKey(salt: Uint8Array<ArrayBuffer>): Promise<CryptoKey> {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  return crypto.subtle.importKey("raw", salt, algorithm, false, ["sign", "verify"]);
}

function encode(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

function fromHex(hex: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}
