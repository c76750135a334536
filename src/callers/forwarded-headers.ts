// Addresses that proxies write into headers, nearest proxy first: X-Forwarded-For, and Forwarded (RFC 7239). Both are read from the right,
// because each proxy appends at the end; entries further left come from further away and must not affect how the rest is read.
import { type Address, parseAddress } from "../shared/ip-addresses.ts";

/** Addresses from the nearest to the farthest; `undefined` for an entry that is not an address. */
export type Chain = Iterable<Address | undefined>;

export function* readForwardedFor(header: string): Chain {
  for (let end = header.length; end >= 0;) {
    const comma = header.lastIndexOf(",", end - 1);
    // At 0, `lastIndexOf` would find the comma at 0 again.
    const start = end === 0 ? -1 : comma;
    yield parseAddress(header.slice(start + 1, end));
    end = start;
  }
}

export function* readForwarded(header: string): Chain {
  for (let end = header.length; end >= 0;) {
    const start = startOfElement(header, end);
    const node = nodeOf(header.slice(start + 1, end));
    yield node === undefined ? undefined : parseAddress(node);
    end = start;
  }
}

/** True when the nearest proxy's element has a `for` parameter; many have `proto` and `host` only. */
export function namesClient(header: string): boolean {
  return nodeOf(header.slice(startOfElement(header, header.length) + 1)) !== undefined;
}

/** Position of the comma before the element that ends at `end`; -1 where there is none. A comma inside quotes is not a separator. */
function startOfElement(header: string, end: number): number {
  for (let at = end - 1; at >= 0; at--) {
    if (header[at] === ",") return at;
    if (header[at] === '"') at = openingQuote(header, at);
  }
  return -1;
}

/** Read from the right, the first quote is a closing one; a quote after an odd number of backslashes is part of the text. */
function openingQuote(header: string, closing: number): number {
  for (let at = closing - 1; at >= 0; at--) {
    if (header[at] !== '"') continue;
    let slashes = 0;
    while (header[at - 1 - slashes] === "\\") slashes++;
    if (slashes % 2 === 0) return at;
  }
  return -1;
}

const PAIR = /^\s*([^\s=;,"]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^\s";,]*)\s*(?:;|$)/;

/** The value of `for` in one element: `for="[2001:db8::1]:4711";proto=https`. `undefined` where it is missing, repeated or malformed. */
function nodeOf(element: string): string | undefined {
  let node: string | undefined;
  for (let rest = element; rest.trim() !== "";) {
    const pair = PAIR.exec(rest);
    if (!pair) return undefined;
    const [whole, name = "", value = ""] = pair;
    if (name.toLowerCase() === "for") {
      if (node !== undefined) return undefined;
      node = value.startsWith('"') ? value.slice(1, -1).replace(/\\(.)/g, "$1") : value;
    }
    rest = rest.slice(whole.length);
  }
  return node;
}
