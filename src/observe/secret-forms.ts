// The forms in which a text may contain a secret: whole or in parts, plain or encoded in base64.
import { decodedText } from "./decoded-text.ts";

/** A shorter secret is not searched for: it occurs in any text. In characters. */
export const SHORTEST_SECRET = 8;
/** A part of a secret that is this long is hidden. In characters. */
export const PART = 12;
/** Stands between forms; no decoded text contains it. */
export const SEPARATOR = "\0";
/** Number of characters after the common prefix that identify the start of a secret. */
const START = 3;

/** The forms of one secret, in lower case. */
export interface SecretForms {
  secret: string;
  /** What all keys of its kind begin with: `sk-proj-`, or the header of a JWT. */
  prefix: string;
  /** Text of which each part of `PART` characters is secret; `""` where the secret is shorter. */
  parts: string;
  /** The same in base64, at each position in a block. */
  encodedParts: readonly string[];
  /** What is secret as a whole only. */
  wholes: readonly string[];
  /** The prefix with the first characters of the secret; `""` where there is no prefix. */
  start: string;
}

const SCHEME = /^(?:bearer|basic|token|apikey|key)\s+/i;
const PREFIX = new RegExp(
  `^(?:${[
    "(?:sk|pk|rk|ak)[-_](?:(?:proj|svcacct|service|admin|live|test|prod|ant|or|cp|lf|v\\d{1,2}|(?:api|oat|ort|sid)\\d{2})[-_])*",
    "(?:gsk|hf|r8|xai|pplx|nvapi|csk|fw|tgp_v\\d|gh[opsu]|github_pat|glpat|vck|esecret|tvly|jina|lsv2_[ps][tk]|dop_v\\d|shpat)[-_]",
    "AIza(?:Sy)?|AQ\\.|ya29\\.(?:a0)?|1//0?|GOCSPX-|AKIA|ASIA|dapi|xox[abeprs]-",
    "eyJ[\\w-]+\\.",
  ].join("|")})`,
);

/** Returns the forms of a secret as it is sent; none for a short one. The scheme of a header (`Bearer`) is not a part of it. */
export function formsOf(sent: string): SecretForms[] {
  const scheme = SCHEME.exec(sent)?.[0] ?? "";
  const secret = sent.slice(scheme.length).trim();
  const password = /^basic/i.test(scheme) ? passwordIn(secret) : undefined;
  return [secret, ...(password === undefined ? [] : [password])].flatMap((one) =>
    one.length < SHORTEST_SECRET ? [] : [toForms(one)],
  );
}

function toForms(secret: string): SecretForms {
  const prefix = PREFIX.exec(secret)?.[0] ?? "";
  const rest = secret.slice(prefix.length);
  const hasParts = rest.length >= PART;
  // What follows a prefix is the secret; where hardly anything does, the prefix is none.
  const searched = hasParts || rest.length >= SHORTEST_SECRET ? rest : secret;
  const plain = plainForms(searched);
  const encoded = base64Forms(searched);
  return {
    secret: secret.toLowerCase(),
    prefix: prefix.toLowerCase(),
    parts: hasParts ? plain.join(SEPARATOR) : "",
    encodedParts: hasParts ? encoded : [],
    wholes: hasParts ? [] : [...plain, ...encoded.filter((it) => it.length >= SHORTEST_SECRET)],
    start: prefix === "" ? "" : secret.slice(0, prefix.length + START).toLowerCase(),
  };
}

/** The secret as a decoded text shows it. What looks like an escape in it is decoded where it is not escaped itself. */
function plainForms(secret: string): string[] {
  const plain = secret.toLowerCase();
  if (/^[\w.~/+=-]*$/.test(secret)) return [plain];
  const inURL = encodeURIComponent(secret.replace(/\p{Cs}/gu, ""));
  // Percent-encoded UTF-8 is decoded byte by byte.
  return [...new Set([plain, decodedText(secret).text, decodedText(inURL).text])];
}

/** The base64 of a secret that begins at each of the three positions in a block, without the characters that its neighbours change. */
export function base64Forms(secret: string): string[] {
  const bytes = bytesOf(secret);
  const forms = [0, 2, 3].map((changed, shift) => {
    const bits = (shift + bytes.length) * 8;
    return btoa("\0".repeat(shift) + bytes).slice(changed, Math.floor(bits / 6));
  });
  const others = forms.flatMap((form) =>
    /[+/]/.test(form) ? [form.replaceAll("+", "-").replaceAll("/", "_")] : [],
  );
  return [...forms, ...others].map((form) => form.toLowerCase());
}

/** The bytes of a secret, each as one character. */
function bytesOf(secret: string): string {
  const isASCII = /^[\0-\u007f]*$/.test(secret);
  return isASCII
    ? secret
    : Array.from(new TextEncoder().encode(secret), (byte) => String.fromCharCode(byte)).join("");
}

function passwordIn(basic: string): string | undefined {
  try {
    const pair = atob(basic);
    return pair.includes(":") ? pair.slice(pair.indexOf(":") + 1) : undefined;
  } catch {
    return undefined;
  }
}
