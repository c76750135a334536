import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Redactor } from "../../src/observe/redact.ts";

const SECRET = "sk-proj-4f9A_b2C-d7E8fGh1";
/** A token as an issuer signs it; its header is the same in all of them. */
const HEADER = btoa('{"alg":"RS256","typ":"JWT"}').replaceAll("=", "");
const JWT = `${HEADER}.${btoa('{"sub":"u-4711","exp":1900000000}').replaceAll("=", "")}.Zx9_kQ2-vL7bN4mT1wR8yH5`;

const hide = (text: string, ...secrets: string[]): string =>
  new Redactor(secrets.length === 0 ? [SECRET] : secrets).hide(text);
const toHex = (code: number, length: number): string => code.toString(16).padStart(length, "0");
const each = (text: string, encode: (code: number) => string): string =>
  [...text].map((character) => encode(character.charCodeAt(0))).join("");

describe("redaction", () => {
  it.each([
    [`key ${SECRET}.`, "key [redacted]."],
    [`Incorrect API key provided: ${SECRET}. Find`, "Incorrect API key provided: [redacted]. Find"],
    ["key sk-proj-4f9A", "key [redacted]"],
    ["sk-proj-********************fGh1", "[redacted]"],
    ["sk-...fGh1", "[redacted]"],
    ["sk-…Gh1", "[redacted]"],
    ["****Gh1", "[redacted]"],
    ["key ending in fGh1", "key ending in [redacted]"],
    ["the key ends with 'fGh1'", "the key ends with '[redacted]'"],
    ["the last four characters are fGh1", "the last four characters are [redacted]"],
    [`{"message":"${SECRET}"}`, '{"message":"[redacted]"}'],
    [`?key=${SECRET}&x=1`, "?key=[redacted]&x=1"],
    [`Bearer ${SECRET}\\nnext`, "Bearer [redacted]\\nnext"],
    [SECRET.toUpperCase(), "[redacted]"],
  ])("J7 removes %s", (text, expected) => {
    expect(hide(text)).toBe(expected);
  });

  it.each([
    "",
    "The model gpt-4o does not exist.",
    "Use an sk- key from https://platform.example.com/account/api-keys ...",
    "Keys begin with sk-proj- or sk-…, or sk-proj-****",
    "Limit 100%, used **all** of it, see section 4...",
    "ending in tears",
    '\ufeff{"error":{"message":"Bad image: \\u00e9, 100 %"}}  \n',
    // Eleven characters are no part.
    `part ${SECRET.slice(8, 19)}`,
  ])("E5 leaves %j unchanged", (text) => {
    expect(hide(text)).toBe(text);
    expect(new Redactor([SECRET]).finds(text)).toBe(false);
  });

  const ENCODINGS: [string, (text: string) => string][] = [
    ["plain", (text) => text],
    ["base64", btoa],
    ["base64 one byte later", (text) => btoa(`:${text}`)],
    ["base64 two bytes later, before more", (text) => btoa(`u:${text}/more`)],
    ["base64url", (text) => btoa(`>>>${text}`).replaceAll("+", "-").replaceAll("/", "_")],
    ["base64 in a URL", (text) => encodeURIComponent(btoa(`k:${text}`))],
    ["percent-encoded", (text) => each(text, (code) => `%${toHex(code, 2)}`)],
    ["percent-encoded twice", (text) => each(text, (code) => `%25${toHex(code, 2)}`)],
    ["escaped as in JSON", (text) => each(text, (code) => `\\u${toHex(code, 4)}`)],
    ["escaped as in JSON in JSON", (text) => each(text, (code) => `\\\\u${toHex(code, 4)}`)],
    ["escaped as in a script", (text) => each(text, (code) => `\\x${toHex(code, 2)}`)],
    ["with entities", (text) => each(text, (code) => `&#${code};`)],
    ["with hexadecimal entities", (text) => each(text, (code) => `&#x${toHex(code, 2)};`)],
    ["as UTF-16", (text) => each(text, (code) => `${String.fromCharCode(code)}\0`)],
  ];
  const PIECES: [string, (secret: string) => string][] = [
    ["whole", (secret) => secret],
    ["its head", (secret) => secret.slice(0, -4)],
    ["its middle", (secret) => secret.slice(-14, -1)],
    ["its tail", (secret) => secret.slice(-13)],
  ];
  const SECRETS: [string, string][] = [
    ["a key", SECRET],
    ["a key without a prefix", "q8Zt-3Vn5_Xk2Lp9Rm"],
    ["a key with a slash and a plus", "c3+R/tY8=aQ4/zW7+nE1"],
    ["a JWT", JWT],
    ["a password with escapes", 'p%41ss\\w"ord&<1234567'],
  ];
  const MATRIX = SECRETS.flatMap(([what, secret]) =>
    ENCODINGS.flatMap(([how, encode]) =>
      PIECES.map(([which, cut]) => [what, which, how, secret, cut, encode] as const),
    ),
  );

  it.each(MATRIX)("J7 hides %s, %s, %s", (_what, _which, _how, secret, cut, encode) => {
    const piece = cut(secret);
    const shown = encode(piece);
    const text = hide(`before "${shown}" after`, secret);
    expect(text).toContain("[redacted]");
    expect(text.startsWith('before "')).toBe(true);
    expect(text.endsWith('" after')).toBe(true);
    // Of an encoded form, what is left at its ends decodes to fewer than 4 characters.
    const left = text.slice(8, -7).replaceAll("[redacted]", "");
    expect(left.length / Math.max(1, encode("x").length)).toBeLessThan(4);
  });

  it.each(SECRETS)("J7 leaves JSON parsable that quotes %s", (_, secret) => {
    const body = {
      error: { message: `bad ${secret}`, code: 7 },
      [secret]: [1234567890123, secret],
    };
    const text = hide(JSON.stringify(body), secret, "1234567890123");
    expect(JSON.parse(text)).toEqual({
      error: { message: "bad [redacted]", code: 7 },
      [secret]: [1234567890123, "[redacted]"],
    });
  });

  it.each(["message", "error_type", "invalid_request_error"])(
    "J7 rewrites values of JSON only, where the secret is the name %s",
    (secret) => {
      const text = `{"${secret}": {"x" : "${secret}"}, "n":[1e3,-1.5,true,null]} `;
      const value = secret.length < 8 ? secret : "[redacted]";
      expect(hide(text, secret)).toBe(
        `{"${secret}": {"x" : "${value}"}, "n":[1e3,-1.5,true,null]} `,
      );
    },
  );

  it("J7 keeps the structure of JSON where a secret looks like a part of it", () => {
    const secret = 'abcdef","type":"ghijkl';
    const text = hide(`{"message":"abcdef","type":"ghijkl"}`, secret);
    expect(JSON.parse(text)).toEqual({ message: "[redacted]", type: "[redacted]" });
  });

  it("J7 keeps names in JSON that is cut off, and replaces everywhere in a text that is none", () => {
    expect(hide(`{"${SECRET}":"${SECRET}","more":"${SECRET.slice(0, 20)}`)).toBe(
      `{"${SECRET}":"[redacted]","more":"[redacted]`,
    );
    expect(hide(`<p title="${SECRET}">{"${SECRET}":1}</p>`)).toBe(
      '<p title="[redacted]">{"[redacted]":1}</p>',
    );
    expect(hide(`[error] ${SECRET}`)).toBe("[error] [redacted]");
    expect(hide(`{"a":"${SECRET}"}\n{"a":2}\n`)).toBe('{"a":"[redacted]"}\n{"a":2}\n');
  });

  it.each(["a", "type", "k12", "1234567"])(
    "J7 does not search for the short secret %s",
    (secret) => {
      const text = `{"type":"a","k12":"k12 or 1234567"}`;
      expect(hide(text, secret)).toBe(text);
      expect(new Redactor([secret]).isEmpty).toBe(true);
    },
  );

  it("J7 searches for a secret of 8 to 11 characters as a whole only", () => {
    expect(hide("hunter2-x is hunter2-", "hunter2-x")).toBe("[redacted] is hunter2-");
    expect(hide(`Basic ${btoa("user:hunter2-x")}`, "hunter2-x")).not.toContain(
      btoa("user:hunter2-x").slice(8, 16),
    );
  });

  it("J7 knows the value of a header without its scheme, and the password of HTTP Basic", () => {
    const basic = btoa("gateway:correct-horse-battery");
    expect(hide(`got ${basic}`, `Basic ${basic}`)).toBe("got [redacted]");
    expect(hide("got correct-horse-battery", `Basic ${basic}`)).toBe("got [redacted]");
    expect(hide(`got ${SECRET}`, `Bearer ${SECRET}`)).toBe("got [redacted]");
  });

  it("J7 hides nothing of what all tokens have in common", () => {
    expect(hide(`tokens begin with ${HEADER}.`, JWT)).toBe(`tokens begin with ${HEADER}.`);
    expect(hide("keys look like sk-ant-api03-…", "sk-ant-api03-Zx9kQ2vL7bN4mT")).toBe(
      "keys look like sk-ant-api03-…",
    );
  });

  it("J7 hides the secrets of several attempts", () => {
    expect(hide(`${SECRET} then ${JWT}`, SECRET, JWT, SECRET)).toBe("[redacted] then [redacted]");
  });

  it("J7 hides in the texts of an object, and returns one without secrets as it is", () => {
    const redactor = new Redactor([SECRET]);
    const clean = { a: 1, b: ["x", { c: undefined }] };
    expect(redactor.hideIn(clean)).toBe(clean);
    expect(redactor.hideIn({ [SECRET]: [1, `x ${SECRET}`], at: { deep: SECRET } })).toEqual({
      [SECRET]: [1, "x [redacted]"],
      at: { deep: "[redacted]" },
    });
  });

  it("J7 leaves no secret in a text, whatever surrounds it", () => {
    const secret = fc.stringMatching(/^[A-Za-z0-9_-]{12,40}$/);
    fc.assert(
      fc.property(fc.string(), secret, fc.string(), (before, key, after) => {
        expect(hide(before + key + after, key)).not.toContain(key);
        expect(hide(before + key + after, key)).not.toContain(key.slice(-12));
      }),
      { seed: 7, numRuns: 1_000 },
    );
  });

  it("J7 leaves JSON parsable, and its names and numbers, whatever it holds", () => {
    const piece = fc.constantFrom(SECRET, SECRET.slice(9), '"', "\\", "\u0000", "%41", "x");
    const text = fc.array(piece).map((pieces) => pieces.join(""));
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(text, fc.double({ noNaN: true }), fc.array(tie("tree")), tie("object")),
      object: fc.dictionary(text, tie("tree")),
    }));
    const shape = (value: unknown): unknown => {
      if (typeof value === "string") return "text";
      if (typeof value !== "object" || value === null) return value;
      return Object.entries(value).map(([name, one]) => [name, shape(one)]);
    };
    fc.assert(
      fc.property(tree, (value) => {
        const json = JSON.stringify(value);
        expect(shape(JSON.parse(hide(json)))).toEqual(shape(JSON.parse(json)));
      }),
      { seed: 7, numRuns: 500 },
    );
  });

  it("J7 takes time in proportion to the text", () => {
    const texts = [
      `${"*".repeat(250_000)} ${"a.".repeat(250_000)} ${"ending in ".repeat(25_000)}`,
      "\\".repeat(1_000_000),
      "%25".repeat(333_000),
      "4f9a".repeat(250_000),
      SECRET.repeat(40_000),
      `{"a":"${"\\u0073".repeat(160_000)}"}`,
      `[${`"${SECRET}",`.repeat(30_000)}""]`,
    ];
    const redactor = new Redactor([SECRET, JWT, "aaaaaaaaaaaaaaaaaaaaaaaa"]);
    for (const text of texts) {
      // CPU time: the machine may be busy.
      const before = process.cpuUsage();
      redactor.hide(text);
      const { user, system } = process.cpuUsage(before);
      expect((user + system) / 1_000).toBeLessThan(1_500);
    }
  });
});
