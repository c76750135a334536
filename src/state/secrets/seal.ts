/** Secrets at rest: AES-256-GCM under keys that are derived from the operator's secrets (N1). */

export interface Seal {
  /** True when stored texts cannot be read without a secret. */
  isSealing: boolean;
  /** Seals a text for one place: it opens nowhere else. */
  seal(text: string, place: string): Promise<string>;
  /** Opens a text that was sealed for a place. Rejects with a `SealError`. */
  open(sealed: string, place: string): Promise<string>;
}

/** Why a sealed text cannot be opened. Names neither the text nor the secret. */
export class SealError extends Error {
  override name = "SealError";
  readonly code: "SEAL_UNKNOWN_KEY" | "SEAL_BROKEN";
  constructor(code: SealError["code"]) {
    super(
      code === "SEAL_UNKNOWN_KEY"
        ? "it was sealed with a secret that is not among those configured"
        : "it is not what was sealed for this place",
    );
    this.code = code;
  }
}

interface SealKey {
  /** Identifies the secret that the key is derived from, without revealing it. */
  id: string;
  key: CryptoKey;
}

const PLAIN = "plain.";
const SEALED = "s1";
const IV_BYTES = 12;

/** Creates the seal: the first secret seals, all of them open. Without secrets, texts are stored unsealed. */
export function createSeal(secrets: readonly string[]): Seal {
  let deriving: Promise<SealKey[]> | undefined;
  const keys = (): Promise<SealKey[]> => (deriving ??= Promise.all(secrets.map(derive)));

  return {
    isSealing: secrets.length > 0,
    async seal(text, place) {
      const [first] = await keys();
      if (!first) return PLAIN + text;
      const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES));
      const data = await crypto.subtle.encrypt(cipher(iv, place), first.key, encode(text));
      return [SEALED, first.id, toBase64(iv), toBase64(new Uint8Array(data))].join(".");
    },
    async open(sealed, place) {
      // A text stored before a secret was configured still opens; it is sealed with its next write.
      if (sealed.startsWith(PLAIN)) return sealed.slice(PLAIN.length);
      const [version, id, iv = "", data = ""] = sealed.split(".");
      if (version !== SEALED) throw new SealError("SEAL_BROKEN");
      const known = (await keys()).find((one) => one.id === id);
      if (!known) throw new SealError("SEAL_UNKNOWN_KEY");
      try {
        const opened = await crypto.subtle.decrypt(
          cipher(fromBase64(iv), place),
          known.key,
          fromBase64(data),
        );
        return new TextDecoder().decode(opened);
      } catch {
        throw new SealError("SEAL_BROKEN");
      }
    },
  };
}

function cipher(iv: Uint8Array<ArrayBuffer>, place: string): AesGcmParams {
  return { name: "AES-GCM", iv, additionalData: encode(place) };
}

async function derive(secret: string): Promise<SealKey> {
  const base = await crypto.subtle.importKey("raw", encode(secret), "HKDF", false, [
    "deriveKey",
    "deriveBits",
  ]);
  const by = (info: string): HkdfParams => ({
    name: "HKDF",
    hash: "SHA-256",
    salt: encode("h3-relay"),
    info: encode(info),
  });
  const usages: KeyUsage[] = ["encrypt", "decrypt"];
  const aes = { name: "AES-GCM", length: 256 };
  const key = await crypto.subtle.deriveKey(by("seal"), base, aes, false, usages);
  const id = new Uint8Array(await crypto.subtle.deriveBits(by("id"), base, 64));
  return { id: toBase64(id), key };
}

function encode(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

function toBase64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}
