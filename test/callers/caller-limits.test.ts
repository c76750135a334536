import { describe, expect, it } from "vitest";
import {
  type CallerLimits,
  type CallerLimitsOptions,
  createCallerLimits,
  WIDE_LIMIT,
} from "../../src/callers/caller-limits.ts";
import { createClientReader } from "../../src/callers/client-key.ts";
import {
  PATIENCE,
  ProxyDetection,
  type SeenProxy,
  WATCHED,
} from "../../src/callers/proxy-detection.ts";
import { CallerSlots } from "../../src/callers/caller-slots.ts";
import { WebRequestCall } from "../../src/http/web-request.ts";

function callOf(headers: Record<string, string> = {}): WebRequestCall {
  const request = new Request("http://relay.test/models", { headers });
  return new WebRequestCall(request, { mount: "", target: "/models", address: undefined });
}
const plain = callOf();
const clientOf = createClientReader();

function make(options: Partial<CallerLimitsOptions> = {}): CallerLimits {
  return createCallerLimits({
    concurrent: 2,
    findClient: (_call, peer) => (peer === undefined ? undefined : clientOf(peer)),
    watch: undefined,
    onUnknown() {},
    onFull() {},
    ...options,
  });
}

/** Number of `count` simultaneous requests that are admitted. */
function passing(
  caps: CallerLimits,
  count: number,
  peer?: string,
  caller?: string,
  call = plain,
): number {
  let passed = 0;
  for (let at = 0; at < count; at++)
    try {
      caps.enter(call, { caller, peer });
      passed++;
    } catch (error) {
      expect(error).toMatchObject({ code: "ERR_RELAY_CALLER_BUSY", facts: { retryAfter: 1 } });
    }
  return passed;
}

describe("limits per caller", () => {
  it("N10 count by caller id, otherwise by address, otherwise all requests together", () => {
    const caps = make();
    expect(passing(caps, 5, "203.0.113.1", "a")).toBe(2);
    expect(passing(caps, 5, "203.0.113.1")).toBe(2);
    expect(passing(caps, 5, "::ffff:203.0.113.1")).toBe(0);
    expect(passing(caps, 5, "203.0.113.2")).toBe(2);
    expect(passing(caps, 5, "2001:db8::1")).toBe(2);
    expect(passing(caps, 5, "2001:db8::ffff:1")).toBe(0);
    expect(passing(caps, 5, "2001:db8:0:1::1")).toBe(2);
    expect(passing(caps, WIDE_LIMIT + 30)).toBe(WIDE_LIMIT);
    expect(passing(caps, 5, "garbage")).toBe(0);
  });

  it("N10 are 1,000 for requests without an address, or the limit of one caller where that is higher", () => {
    expect(passing(make({ concurrent: 1_500 }), 1_600)).toBe(1_500);
    expect(WIDE_LIMIT).toBe(1_000);
  });

  it("N10 are off with `false`, and then no address is looked up", () => {
    const findClient = (): never => expect.unreachable();
    expect(passing(make({ concurrent: false, findClient }), 5_000, "203.0.113.1")).toBe(5_000);
  });
});

describe("slots", () => {
  it("N10 exist only while they are taken, however many callers there are", () => {
    const slots = new CallerSlots();
    for (let at = 0; at < 65_536; at++) {
      const slot = slots.take(`2001:db8:1:${at.toString(16)}::/64`, 100)!;
      if (at % 2 === 0) slot.giveBack();
    }
    expect(slots.size).toBe(32_768);
  });

  it("N10 leave no entry behind after a refusal", () => {
    const slots = new CallerSlots();
    const first = slots.take("a", 1)!;
    expect(slots.take("a", 1)).toBeUndefined();
    first.giveBack();
    expect(slots.size).toBe(0);
    expect(slots.take("a", 1)).toBeDefined();
  });
});

describe("proxy detection", () => {
  const xff = callOf({ "x-forwarded-for": "203.0.113.1" });
  let seen: SeenProxy[] = [];
  function watching(): (call: WebRequestCall, address: string, times?: number) => boolean {
    seen = [];
    const watch = new ProxyDetection((proxy) => seen.push(proxy));
    return (call, address, times = 1) => {
      let last = false;
      for (let at = 0; at < times; at++) last = watch.sees(call, clientOf(address)!);
      return last;
    };
  }

  it.each([
    "10.0.0.1",
    "172.20.0.1",
    "192.168.1.1",
    "127.0.0.1",
    "::1",
    "fd00::1",
    "fe80::1",
    "100.64.0.1",
  ])(
    "N10 detects the private address %s as a proxy after 20 requests, and reports it once",
    (address) => {
      const sees = watching();
      expect(sees(xff, address, PATIENCE - 1)).toBe(false);
      expect(seen).toEqual([]);
      expect(sees(xff, address)).toBe(true);
      expect(sees(plain, address)).toBe(true);
      expect(sees(xff, "10.9.9.9", PATIENCE)).toBe(true);
      expect(seen).toHaveLength(1);
      if (address !== "::1") expect(JSON.stringify(seen)).not.toContain(`"${address}"`);
    },
  );

  it.each([
    "x-forwarded-for",
    "forwarded",
    "x-real-ip",
    "cf-connecting-ip",
    "true-client-ip",
    "fly-client-ip",
    "x-client-ip",
    "x-vercel-forwarded-for",
    "x-nf-client-connection-ip",
  ])("N10 recognises the header %s", (name) => {
    const sees = watching();
    const value = name === "forwarded" ? "for=203.0.113.1" : "203.0.113.1";
    expect(sees(callOf({ [name]: value }), "10.0.0.1", PATIENCE)).toBe(true);
    expect(seen).toEqual([{ network: "10.0.0.0/8", headers: [name] }]);
  });

  it("N10 names only headers that all of the requests carried", () => {
    const sees = watching();
    const both = callOf({ "x-forwarded-for": "203.0.113.1", "cf-connecting-ip": "203.0.113.1" });
    sees(both, "10.0.0.1", PATIENCE - 1);
    expect(sees(xff, "10.0.0.1")).toBe(true);
    expect(seen[0]!.headers).toEqual(["x-forwarded-for"]);
  });

  it("N10 starts again at a request without such a header, and never counts a public address", () => {
    const sees = watching();
    sees(xff, "10.0.0.1", PATIENCE - 1);
    sees(plain, "10.0.0.1");
    expect(sees(xff, "10.0.0.1", PATIENCE - 1)).toBe(false);
    expect(sees(xff, "203.0.113.7", 5 * PATIENCE)).toBe(false);
    expect(sees(xff, "2001:db8::7", 5 * PATIENCE)).toBe(false);
  });

  it("N10 does not detect a development server, or an address that a framework has evaluated, as a proxy", () => {
    const sees = watching();
    for (const own of ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
      expect(sees(callOf({ "x-forwarded-for": own }), "127.0.0.1", 2 * PATIENCE)).toBe(false);
    expect(sees(callOf({ "x-forwarded-for": "10.0.0.5" }), "10.0.0.5", 2 * PATIENCE)).toBe(false);
    // A client can send such an entry, but not as the last one.
    const made = callOf({ "x-forwarded-for": "127.0.0.1, 203.0.113.1" });
    expect(sees(made, "127.0.0.1", PATIENCE)).toBe(true);
  });

  it("N10 watches a bounded number of addresses", () => {
    const sees = watching();
    sees(xff, "10.0.0.1", PATIENCE - 1);
    for (let at = 0; at < WATCHED; at++) sees(xff, `10.1.${at >> 8}.${at & 255}`);
    expect(sees(xff, "10.0.0.1")).toBe(false);
  });

  it("N10 gives a detected proxy the limit of unknown addresses", () => {
    const caps = make({ watch: new ProxyDetection(() => {}), concurrent: 100 });
    expect(passing(caps, WIDE_LIMIT + 30, "10.0.0.1", undefined, xff)).toBe(WIDE_LIMIT);
    expect(passing(caps, 130, "10.0.0.2")).toBe(100);
  });
});
