import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseAddress, parseNetwork, toClientKey } from "../../src/shared/ip-addresses.ts";
import { readForwarded, readForwardedFor } from "../../src/callers/forwarded-headers.ts";
import { findClient, type TrustedProxies } from "../../src/callers/trusted-proxies.ts";

const UNKNOWN = "unknown";
const keyOf = (address: ReturnType<typeof parseAddress>): string =>
  address ? toClientKey(address) : UNKNOWN;

/** The client that is found for one peer, with the given X-Forwarded-For and Forwarded. */
function clientOf(
  trusted: TrustedProxies | string[],
  peer: string | undefined,
  forwardedFor?: string,
  forwarded?: string,
): string {
  const proxies =
    typeof trusted === "number"
      ? trusted
      : trusted.map((one) => (typeof one === "string" ? parseNetwork(one)! : one));
  const known = peer === undefined ? undefined : parseAddress(peer);
  return keyOf(findClient(known, { forwardedFor, forwarded }, proxies).address);
}

describe("X-Forwarded-For", () => {
  it.each<[header: string, entries: string[]]>([
    ["1.1.1.1", ["1.1.1.1"]],
    ["1.1.1.1, 2.2.2.2", ["2.2.2.2", "1.1.1.1"]],
    ["1.1.1.1,2.2.2.2 ,\t3.3.3.3", ["3.3.3.3", "2.2.2.2", "1.1.1.1"]],
    ["1.1.1.1:80, [2001:db8::1]:443", ["2001:db8:0:0::/64", "1.1.1.1"]],
    ["unknown, 2.2.2.2", ["2.2.2.2", UNKNOWN]],
    ["1.1.1.1,,2.2.2.2", ["2.2.2.2", UNKNOWN, "1.1.1.1"]],
    ["1.1.1.1, ", [UNKNOWN, "1.1.1.1"]],
    [",1.1.1.1", ["1.1.1.1", UNKNOWN]],
    ["", [UNKNOWN]],
    [",", [UNKNOWN, UNKNOWN]],
    ["1.1.1.1, unix:", [UNKNOWN, "1.1.1.1"]],
    ["::ffff:1.1.1.1", ["1.1.1.1"]],
  ])("N10 %j is read from the right", (header, entries) => {
    expect([...readForwardedFor(header)].map(keyOf)).toEqual(entries);
  });
});

describe("Forwarded", () => {
  it.each<[header: string, entries: string[]]>([
    ["for=1.1.1.1", ["1.1.1.1"]],
    ["For=1.1.1.1;proto=https;by=3.3.3.3", ["1.1.1.1"]],
    ["proto=https; for=1.1.1.1 ;host=a.example", ["1.1.1.1"]],
    ['for="1.1.1.1:80"', ["1.1.1.1"]],
    ['for="[2001:db8::1]:4711"', ["2001:db8:0:0::/64"]],
    ['for="[2001:db8::1]"', ["2001:db8:0:0::/64"]],
    ["for=[2001:db8::1]", ["2001:db8:0:0::/64"]],
    ["for=1.1.1.1, for=2.2.2.2", ["2.2.2.2", "1.1.1.1"]],
    ['for=1.1.1.1,for="2.2.2.2";host="a,b"', ["2.2.2.2", "1.1.1.1"]],
    ['for=1.1.1.1;ext="a\\",b", for=2.2.2.2', ["2.2.2.2", "1.1.1.1"]],
    ['for=1.1.1.1;ext="\\\\", for=2.2.2.2', ["2.2.2.2", "1.1.1.1"]],
    ['for="1.1\\.1.1"', ["1.1.1.1"]],
    ["for=unknown, for=2.2.2.2", ["2.2.2.2", UNKNOWN]],
    ["for=_hidden", [UNKNOWN]],
    ["for=1.1.1.1;for=2.2.2.2", [UNKNOWN]],
    ["by=1.1.1.1", [UNKNOWN]],
    ["for=", [UNKNOWN]],
    ["for", [UNKNOWN]],
    ["1.1.1.1", [UNKNOWN]],
    ['for="1.1.1.1', [UNKNOWN]],
    ['for=9.9.9.9;a=", for=2.2.2.2', ["2.2.2.2", UNKNOWN]],
    ["for=1.1.1.1;;proto=https", [UNKNOWN]],
    ["", [UNKNOWN]],
  ])("N10 %j is read from the right", (header, entries) => {
    expect([...readForwarded(header)].map(keyOf)).toEqual(entries);
  });
});

describe("a count of proxies", () => {
  it.each<[what: string, hops: number, forwardedFor: string | undefined, client: string]>([
    ["none is trusted", 0, "1.1.1.1", "10.0.0.1"],
    ["one of one", 1, "1.1.1.1", "1.1.1.1"],
    ["one, behind a made-up entry", 1, "6.6.6.6, 1.1.1.1", "1.1.1.1"],
    ["two of two", 2, "1.1.1.1, 10.0.0.2", "1.1.1.1"],
    ["two, behind made-up entries", 2, "6.6.6.6, 7.7.7.7, 1.1.1.1, 10.0.0.2", "1.1.1.1"],
    ["more than there are", 3, "1.1.1.1", "1.1.1.1"],
    ["no header, as in a health check", 1, undefined, "10.0.0.1"],
    ["the proxy does not know", 1, "6.6.6.6, unknown", UNKNOWN],
    ["the proxy wrote nothing", 1, "6.6.6.6, ", UNKNOWN],
    ["the nearest of two does not know", 2, "1.1.1.1, unix:", UNKNOWN],
    ["the second proxy does not know", 2, "6.6.6.6, garbage, 10.0.0.2", UNKNOWN],
  ])("N10 %s", (_what, hops, forwardedFor, client) => {
    expect(clientOf(hops, "10.0.0.1", forwardedFor)).toBe(client);
  });

  it("N10 counts a proxy whose own address is not known, behind a socket file", () => {
    expect(clientOf(1, undefined, "6.6.6.6, 1.1.1.1")).toBe("1.1.1.1");
    expect(clientOf(0, undefined, "1.1.1.1")).toBe(UNKNOWN);
  });
});

describe("networks of proxies", () => {
  it.each<
    [what: string, peer: string | undefined, forwardedFor: string | undefined, client: string]
  >([
    ["a trusted peer", "10.0.0.1", "1.1.1.1", "1.1.1.1"],
    ["a chain of trusted ones", "10.0.0.1", "1.1.1.1, 10.0.0.3, 10.0.0.2", "1.1.1.1"],
    ["a made-up entry before the client", "10.0.0.1", "6.6.6.6, 1.1.1.1", "1.1.1.1"],
    ["a made-up entry that claims to be trusted", "10.0.0.1", "10.0.0.9, 1.1.1.1", "1.1.1.1"],
    ["a peer that is not trusted", "9.9.9.9", "1.1.1.1", "9.9.9.9"],
    ["a peer that is not known", undefined, "1.1.1.1", UNKNOWN],
    ["no header", "10.0.0.1", undefined, "10.0.0.1"],
    ["trusted to the end", "10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"],
    ["garbage from a trusted one", "10.0.0.1", "1.1.1.1, x, 10.0.0.2", UNKNOWN],
    ["an IPv6 proxy", "2001:db8::5", "1.1.1.1", "1.1.1.1"],
    ["IPv4 inside IPv6", "::ffff:10.0.0.1", "::ffff:1.1.1.1", "1.1.1.1"],
  ])("N10 %s", (_what, peer, forwardedFor, client) => {
    expect(clientOf(["10.0.0.0/8", "2001:db8::/48"], peer, forwardedFor)).toBe(client);
  });
});

describe("both headers", () => {
  it.each<
    [what: string, forwardedFor: string | undefined, forwarded: string | undefined, client: string]
  >([
    ["Forwarded alone", undefined, "for=6.6.6.6, for=1.1.1.1", "1.1.1.1"],
    ["they agree", "1.1.1.1", "for=1.1.1.1", "1.1.1.1"],
    ["they agree in other words", "6.6.6.6, 1.1.1.1", 'for="[::ffff:1.1.1.1]:80"', "1.1.1.1"],
    ["they disagree", "1.1.1.1", "for=6.6.6.6", "10.0.0.1"],
    ["one knows the client", "1.1.1.1", "for=unknown", "10.0.0.1"],
    ["Forwarded names no client", "1.1.1.1", "proto=https;host=a.example", "1.1.1.1"],
    ["Forwarded is garbage", "1.1.1.1", "garbage", "1.1.1.1"],
    ["Forwarded alone names no client", undefined, "proto=https", "10.0.0.1"],
  ])("N10 %s", (_what, forwardedFor, forwarded, client) => {
    expect(clientOf(1, "10.0.0.1", forwardedFor, forwarded)).toBe(client);
  });
});

describe("a forged header", () => {
  /** Any text that a header may contain. */
  const header = fc.oneof(
    fc.string({ unit: fc.constantFrom(...'0123456789abcdef:.,;="\\[]%_ \tfor'), maxLength: 80 }),
    fc
      .array(
        fc.constantFrom(
          "1.2.3.4",
          "10.0.0.7",
          "for=6.6.6.6",
          'for="',
          '"',
          "\\",
          ",",
          ";",
          "for=10.0.0.7",
        ),
        { maxLength: 12 },
      )
      .map((parts) => parts.join("")),
  );
  const trusts: (number | string[])[] = [1, 2, ["10.0.0.0/8"]];

  it.each(trusts)("N10 never changes the client that is found (trustProxy: %j)", (trusted) => {
    const [forwardedFor, forwarded] =
      trusted === 1
        ? ["203.0.113.9", 'for="203.0.113.9:4711";proto=https']
        : ["203.0.113.9, 10.0.0.2", 'for=203.0.113.9, for=10.0.0.2;host="a,b";by="\\""'];
    fc.assert(
      fc.property(header, (made) => {
        expect(clientOf(trusted, "10.0.0.1", `${made}, ${forwardedFor}`)).toBe("203.0.113.9");
        expect(clientOf(trusted, "10.0.0.1", undefined, `${made}, ${forwarded}`)).toBe(
          "203.0.113.9",
        );
      }),
      { seed: 12, numRuns: 3_000 },
    );
  });

  it("N10 in the header that the proxy does not write yields at most the proxy's own address", () => {
    fc.assert(
      fc.property(header, (made) => {
        expect(["203.0.113.9", "10.0.0.1"]).toContain(clientOf(1, "10.0.0.1", "203.0.113.9", made));
        expect(["203.0.113.9", "10.0.0.1"]).toContain(
          clientOf(1, "10.0.0.1", made, "for=203.0.113.9"),
        );
      }),
      { seed: 12, numRuns: 3_000 },
    );
  });

  it("N4 N10 takes time in proportion to its length", () => {
    const long = [",", '"', '\\"', "a=b;", "10.0.0.1,", 'for="a",', " "].map((part) =>
      part.repeat(Math.ceil(65_536 / part.length)),
    );
    const before = performance.now();
    for (const made of long)
      for (const text of [made, `x${made}`, `${made}x`])
        clientOf(["10.0.0.0/8"], "10.0.0.1", text, text);
    expect(performance.now() - before).toBeLessThan(2_000);
  });
});
