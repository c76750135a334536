import { describe, expect, it } from "vitest";
import { readClaims } from "../../src/tokens/jwt-claims.ts";
import { createTokenSlot, endOf, isInMargin, usableToken } from "../../src/tokens/token-slot.ts";

const base64url = (value: unknown): string =>
  Buffer.from(JSON.stringify(value)).toString("base64url");
const jwt = (claims: unknown): string => `${base64url({ alg: "none" })}.${base64url(claims)}.`;

describe("readClaims", () => {
  it("G1 reads `exp` in seconds and the subject, without verifying the signature, in base64url", () => {
    expect(readClaims(jwt({ exp: 1_800_000_000, sub: "ü?>~" }))).toEqual({
      expiresAt: 1_800_000_000_000,
      subject: "ü?>~",
    });
    expect(readClaims(jwt({ user_id: "u" }))).toEqual({ expiresAt: undefined, subject: "u" });
  });

  it.each([
    "",
    "opaque",
    "a.b",
    "a.b.c",
    `x.${Buffer.from("null").toString("base64url")}.y`,
    `x.${Buffer.from("[").toString("base64url")}.y`,
  ])("G1 does not read %j as a JWT", (token) => expect(readClaims(token)).toBeUndefined());

  it.each([{ exp: "soon" }, { exp: -1 }, { exp: null }, {}])(
    "G1 returns no expiry for %j",
    (claims) => expect(readClaims(jwt(claims))!.expiresAt).toBeUndefined(),
  );
});

describe("a token slot", () => {
  const source = { kind: "test", rotates: false, refresh: async () => ({ accessToken: "x" }) };
  const slotOf = (more: object) =>
    createTokenSlot("a", source, {
      credential: "a",
      generation: 1,
      accessToken: "opaque",
      expiresAt: 3_600_000,
      issuedAt: 0,
      refreshToken: undefined,
      originHash: "",
      writtenAt: 0,
      ...more,
    });

  it("G2 is in its margin 299 s before the token expires, and not 301 s before", () => {
    const slot = slotOf({});
    expect(isInMargin(slot, 3_600_000 - 299_000)).toBe(true);
    expect(isInMargin(slot, 3_600_000 - 301_000)).toBe(false);
  });

  it("G2 uses a short-lived token for nine tenths of its lifetime", () => {
    const slot = slotOf({ expiresAt: 100_000 });
    expect([isInMargin(slot, 89_999), isInMargin(slot, 90_001)]).toEqual([false, true]);
  });

  it("G1 uses the token's own `exp` by the issuer's clock, else the expiry of the answer, else none", () => {
    const own = slotOf({ accessToken: jwt({ exp: 100 }), expiresAt: 5_000_000 });
    expect(endOf(own)).toBe(100_000);
    own.skew = 30_000;
    expect(endOf(own)).toBe(70_000);
    expect(endOf(slotOf({}))).toBe(3_600_000);
    const unknown = slotOf({ expiresAt: undefined });
    expect([endOf(unknown), isInMargin(unknown, 1e15), usableToken(unknown, 1e15)]).toEqual([
      Infinity,
      false,
      "opaque",
    ]);
  });

  it("E6 does not use a token that was refused, has expired or is empty", () => {
    const slot = slotOf({});
    slot.refused = "opaque";
    expect(usableToken(slot, 0)).toBeUndefined();
    expect(usableToken(slotOf({}), 3_600_000)).toBeUndefined();
    expect(usableToken(slotOf({ accessToken: "" }), 0)).toBeUndefined();
  });
});
