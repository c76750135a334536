import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  isInside,
  LOOPBACK,
  parseAddress,
  parseNetwork,
  PRIVATE,
  toClientKey,
} from "../../src/shared/ip-addresses.ts";

const keyOf = (text: string): string | undefined => {
  const address = parseAddress(text);
  return address && toClientKey(address);
};

describe("parseAddress", () => {
  it.each([
    ["203.0.113.9", "203.0.113.9"],
    [" 203.0.113.9\t", "203.0.113.9"],
    ["203.0.113.9:5678", "203.0.113.9"],
    ["203.0.113.9:_hidden", "203.0.113.9"],
    ["255.255.255.255", "255.255.255.255"],
    ["::ffff:203.0.113.9", "203.0.113.9"],
    ["::FFFF:cb00:7109", "203.0.113.9"],
    ["0:0:0:0:0:ffff:203.0.113.9", "203.0.113.9"],
    ["[::ffff:203.0.113.9]:443", "203.0.113.9"],
    ["64:ff9b::203.0.113.9", "203.0.113.9"],
    ["2001:db8::1", "2001:db8:0:0::/64"],
    ["2001:DB8:0:0:ffff:ffff:ffff:ffff", "2001:db8:0:0::/64"],
    ["2001:0db8:0000:0001::", "2001:db8:0:1::/64"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
    ["2001:db8:1:2:3:4:192.0.2.1", "2001:db8:1:2::/64"],
    ["1:2:3:4:5:6:7::", "1:2:3:4::/64"],
    ["::2:3:4:5:6:7:8", "0:2:3:4::/64"],
    ["[2001:db8::1]", "2001:db8:0:0::/64"],
    ["[2001:db8::1]:443", "2001:db8:0:0::/64"],
    ["[2001:db8::1]:_p.1", "2001:db8:0:0::/64"],
    ["fe80::1%eth0", "fe80:0:0:0::/64"],
    ["[fe80::1%25eth0]:80", "fe80:0:0:0::/64"],
    ["::1", "0:0:0:0::/64"],
  ])("N10 reads %j as the client %s", (text, key) => expect(keyOf(text)).toBe(key));

  it.each([
    ["nothing", ""],
    ["a space", " "],
    ["a name", "example.com"],
    ["unknown, as RFC 7239 has it", "unknown"],
    ["a hidden node", "_gazonk"],
    ["nginx' word for a socket file", "unix:"],
    ["three numbers", "1.2.3"],
    ["five numbers", "1.2.3.4.5"],
    ["a number above 255", "1.2.3.256"],
    ["a leading zero, octal to some", "010.0.0.1"],
    ["hexadecimal", "0x7f.0.0.1"],
    ["one number", "2130706433"],
    ["no number", "1.2.3."],
    ["a negative number", "1.2.3.-4"],
    ["a port that is none", "1.2.3.4:x"],
    ["a port that is empty", "1.2.3.4:"],
    ["a port too long", "1.2.3.4:123456"],
    ["brackets around IPv4", "[1.2.3.4]"],
    ["an open bracket", "[::1"],
    ["text behind a bracket", "[::1]x"],
    ["nine groups", "1:2:3:4:5:6:7:8:9"],
    ["seven groups", "1:2:3:4:5:6:7"],
    ["eight groups and a gap", "1:2:3:4:5:6:7:8::"],
    ["two gaps", "1::2::3"],
    ["a group too long", "12345::1"],
    ["no hexadecimal digit", "g::1"],
    ["three colons", ":::1"],
    ["a single colon at the end", "1:2:3:4:5:6:7:"],
    ["IPv4 in the middle", "1.2.3.4::1"],
    ["an empty zone", "fe80::1%"],
    ["a network", "10.0.0.0/8"],
    ["a list", "1.2.3.4, 5.6.7.8"],
    ["a quoted address", '"1.2.3.4"'],
    ["digits that are not ASCII", "١.2.3.4"],
    ["the unspecified address", "0.0.0.0"],
    ["the unspecified address, IPv6", "::"],
    ["a megabyte", "1".repeat(1_000_000)],
  ])("N10 rejects %s as an address", (_what, text) => expect(parseAddress(text)).toBeUndefined());

  it("N10 reads any IPv6 address in the same way, however it is shortened", () => {
    const groups = fc.array(fc.integer({ min: 1, max: 0xffff }), { minLength: 8, maxLength: 8 });
    fc.assert(
      fc.property(groups, fc.nat(7), fc.nat(8), fc.boolean(), (full, from, count, isUpper) => {
        const filled = full.map((group, at) => (at >= from && at < from + count ? 0 : group));
        const long = filled.map((group) => group.toString(16).padStart(4, "0")).join(":");
        // The URL parser is the reference: it writes the canonical, shortened form.
        const short = new URL(`http://[${long}]/`).hostname;
        const text = isUpper ? short.toUpperCase() : short;
        expect(parseAddress(text)).toEqual(parseAddress(long));
      }),
      { seed: 7, numRuns: 500 },
    );
  });

  it("N10 never throws, and returns two groups or eight", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'0123456789abf:.[]%/_, "x') }), (text) => {
        expect([undefined, 2, 8]).toContain(parseAddress(text)?.length);
      }),
      { seed: 7, numRuns: 2_000 },
    );
  });
});

describe("networks", () => {
  it.each([
    ["10.0.0.0/8", "10.255.1.2", "11.0.0.1"],
    ["10.1.2.3/8", "10.255.1.2", "11.0.0.1"],
    ["172.16.0.0/12", "172.31.255.255", "172.32.0.0"],
    ["192.0.2.128/25", "192.0.2.128", "192.0.2.127"],
    ["192.0.2.7", "192.0.2.7", "192.0.2.6"],
    ["192.0.2.7/32", "::ffff:192.0.2.7", "192.0.2.6"],
    ["::ffff:10.0.0.0/104", "10.9.9.9", "11.0.0.1"],
    ["2001:db8::/33", "2001:db8:7fff::1", "2001:db8:8000::1"],
    ["2001:db8::/47", "2001:db8:1::1", "2001:db8:2::1"],
    ["fe80::/10", "febf::1", "fec0::1"],
    ["2001:db8::1", "2001:db8::1", "2001:db8::2"],
    ["0.0.0.0/0", "1.2.3.4", "2001:db8::1"],
  ])("N10 %s contains %s and not %s", (network, inside, outside) => {
    const parsed = parseNetwork(network)!;
    expect(isInside(parsed, parseAddress(inside)!)).toBe(true);
    expect(isInside(parsed, parseAddress(outside)!)).toBe(false);
  });

  it.each(["10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8/8", "10/8", "x", ""])(
    "N10 rejects %j as a network",
    (text) => expect(parseNetwork(text)).toBeUndefined(),
  );

  it.each(["[::1]", "fe80::1%eth0", "10.0.0.1:80", " 10.0.0.1", "::ffff:10.0.0.0/8"])(
    "N10 rejects %j as a network: options are read strictly",
    (text) => expect(parseNetwork(text)).toBeUndefined(),
  );

  it("N10 knows private addresses and those of this machine", () => {
    const holds = (list: typeof PRIVATE, text: string): boolean =>
      list.some((one) => isInside(one, parseAddress(text)!));
    for (const text of "10.0.0.1 172.16.0.1 192.168.1.1 127.9.9.9 100.64.0.1 100.127.255.255".split(
      " ",
    ))
      expect(holds(PRIVATE, text), text).toBe(true);
    for (const text of ["::1", "fc00::1", "fdff::1", "fe80::1", "::ffff:10.0.0.1"])
      expect(holds(PRIVATE, text), text).toBe(true);
    for (const text of "9.255.255.255 172.32.0.1 192.169.0.1 100.128.0.1 ::2 2001:db8::1 fe00::1".split(
      " ",
    ))
      expect(holds(PRIVATE, text), text).toBe(false);
    expect([holds(LOOPBACK, "127.0.0.1"), holds(LOOPBACK, "10.0.0.1")]).toEqual([true, false]);
  });
});
