// IP addresses and networks: parsed, compared, and reduced to what counts as one client (N10).

/** Groups of 16 bits, most significant first: two for an IPv4 address, eight for an IPv6 address. */
export type Address = readonly number[];

/** The addresses that share their first `bits` bits with `base`. */
export interface Network {
  base: Address;
  bits: number;
  /** As it was written in the options. */
  text: string;
}

/** The longest form: `[IPv6 with an IPv4 tail%zone]:port`. A longer text is not an address, and is not parsed. */
const LONGEST = 100;

/**
 * Parses an address in the forms that hosts and headers use: `203.0.113.9`, `203.0.113.9:5678`, `2001:db8::1`, `[2001:db8::1]:443`,
 * `fe80::1%eth0`. An IPv4 address inside IPv6 (`::ffff:203.0.113.9`, `64:ff9b::203.0.113.9`) is returned as IPv4. `undefined` for anything
 * else, and for addresses that no client has (`0.0.0.0`, `::`).
 */
export function parseAddress(text: string): Address | undefined {
  if (text.length > LONGEST) return undefined;
  const address = parseHost(hostOf(text.trim()));
  return address?.some((group) => group !== 0) ? address : undefined;
}

/** Parses `10.0.0.0/8`, `2001:db8::/32`, or a single address. `undefined` for anything else. */
export function parseNetwork(text: string): Network | undefined {
  const parts = /^([\da-f:.]+)(?:\/(\d{1,3}))?$/i.exec(text);
  if (!parts) return undefined;
  const [, host = "", length] = parts;
  const base = parseHost(host);
  if (!base) return undefined;
  // For an IPv4 address inside IPv6 only the last 32 bits count.
  const isMapped = base.length === 2 && host.includes(":");
  const bits = length === undefined ? base.length * 16 : Number(length) - (isMapped ? 96 : 0);
  return bits >= 0 && bits <= base.length * 16 ? { base, bits, text } : undefined;
}

export function isInside({ base, bits }: Network, address: Address): boolean {
  if (base.length !== address.length) return false;
  for (let at = 0, left = bits; left > 0; at++, left -= 16) {
    const mask = left >= 16 ? 0xffff : (0xffff << (16 - left)) & 0xffff;
    if (((base[at]! ^ address[at]!) & mask) !== 0) return false;
  }
  return true;
}

/** What counts as one client: an IPv4 address, or the /64 of an IPv6 address, because one client may have all of it. */
export function toClientKey(address: Address): string {
  if (address.length === 2)
    return address.map((group) => `${group >> 8}.${group & 0xff}`).join(".");
  return `${address
    .slice(0, 4)
    .map((group) => group.toString(16))
    .join(":")}::/64`;
}

const networks = (...texts: string[]): readonly Network[] =>
  texts.map((text) => parseNetwork(text)!);

export const LOOPBACK: readonly Network[] = networks("127.0.0.0/8", "::1");

/** Addresses outside the public internet: loopback, private, carrier-grade NAT (RFC 6598), link-local, unique local. */
export const PRIVATE: readonly Network[] = [
  ...LOOPBACK,
  ...networks("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"),
  ...networks("fc00::/7", "fe80::/10"),
];

/** Removes brackets, zone and port. A bare IPv6 address with a port cannot be distinguished from one without. */
function hostOf(text: string): string {
  const bracketed = /^\[([^\]]*)\](?::[\w.-]+)?$/.exec(text);
  if (bracketed) return bracketed[1]!.includes(":") ? withoutZone(bracketed[1]!) : "";
  const colon = text.indexOf(":");
  if (colon < 0) return text;
  if (colon !== text.lastIndexOf(":")) return withoutZone(text);
  // RFC 7239 allows a port to be replaced by a name that begins with `_`.
  return /^(?:\d{1,5}|_[\w.-]+)$/.test(text.slice(colon + 1)) ? text.slice(0, colon) : "";
}

function withoutZone(text: string): string {
  const zone = text.indexOf("%");
  if (zone < 0) return text;
  return zone === text.length - 1 ? "" : text.slice(0, zone);
}

function parseHost(text: string): Address | undefined {
  if (!text.includes(":")) return parseIPv4(text);
  const groups = parseIPv6(text);
  return groups && hasIPv4Inside(groups) ? groups.slice(6) : groups;
}

/** Four decimal numbers; a leading zero is rejected, because some parsers read it as octal. */
function parseIPv4(text: string): number[] | undefined {
  const parts = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (!parts) return undefined;
  const bytes = parts.slice(1).map(Number);
  const isPlain = bytes.every((byte, at) => byte < 256 && String(byte) === parts[at + 1]);
  return isPlain ? [bytes[0]! * 256 + bytes[1]!, bytes[2]! * 256 + bytes[3]!] : undefined;
}

function parseIPv6(text: string): number[] | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const head = parseGroups(halves[0]!, halves.length === 1);
  if (halves.length === 1) return head?.length === 8 ? head : undefined;
  const end = parseGroups(halves[1]!, true);
  if (!head || !end || head.length + end.length > 7) return undefined;
  return [...head, ...Array<number>(8 - head.length - end.length).fill(0), ...end];
}

/** Parses groups between single colons; only the last may be an IPv4 address. */
function parseGroups(text: string, isEnd: boolean): number[] | undefined {
  if (text === "") return [];
  const groups: number[] = [];
  const parts = text.split(":");
  for (const [at, part] of parts.entries()) {
    const inner = isEnd && at === parts.length - 1 ? parseIPv4(part) : undefined;
    if (inner) groups.push(...inner);
    else if (/^[\da-f]{1,4}$/i.test(part)) groups.push(Number.parseInt(part, 16));
    else return undefined;
  }
  return groups;
}

/** `::ffff:0:0/96` (mapped) and `64:ff9b::/96` (translated, RFC 6052): one prefix covers all IPv4 clients. */
function hasIPv4Inside(groups: readonly number[]): boolean {
  const isMapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff;
  const isTranslated =
    groups[0] === 0x64 && groups[1] === 0xff9b && groups.slice(2, 6).every((group) => group === 0);
  return isMapped || isTranslated;
}
