import { expect, it } from "vitest";
import {
  type AddressFault,
  type AddressOptions,
  createAddressFinder,
} from "../../src/callers/client-address.ts";
import { WebRequestCall } from "../../src/http/web-request.ts";

let faults: [AddressFault, unknown?][] = [];

function finder(
  options: Partial<AddressOptions>,
): (peer?: string, headers?: Record<string, string>) => string | undefined {
  faults = [];
  const find = createAddressFinder({
    clientAddress: undefined,
    trustProxy: undefined,
    onFault: (...fault) => void faults.push(fault),
    ...options,
  });
  return (peer, headers = {}) => {
    const request = new Request("http://relay.test/", { headers });
    const call = new WebRequestCall(request, { mount: "", target: "/", address: peer });
    return find(call, peer)?.key;
  };
}

it("N10 asks the function, then the headers of trusted proxies, then the host", () => {
  const find = finder({
    clientAddress: (request) => request.headers.get("x-own"),
    trustProxy: 1,
  });
  const forwarded = { "x-forwarded-for": "203.0.113.2" };
  expect(find("10.0.0.1", { ...forwarded, "x-own": "203.0.113.1" })).toBe("203.0.113.1");
  expect(find("10.0.0.1", forwarded)).toBe("203.0.113.2");
  expect(find("10.0.0.1")).toBe("10.0.0.1");
  expect(find()).toBeUndefined();
  expect(faults).toEqual([]);
});

it.each([undefined, null, ""])(
  "N10 asks the next source where the function returns %j",
  (nothing) => {
    expect(finder({ clientAddress: () => nothing })("203.0.113.1")).toBe("203.0.113.1");
  },
);

it("N10 reports each kind of fault once, and asks no other source after a fault", () => {
  const error = new Error("no database");
  const answers: (() => unknown)[] = [
    () => {
      throw error;
    },
    () => 7,
    () => "localhost",
  ];
  let at = 0;
  const find = finder({ clientAddress: () => answers[at++ % 3]!() as string, trustProxy: 1 });
  for (let round = 0; round < 9; round++)
    expect(find("10.0.0.1", { "x-forwarded-for": "203.0.113.1" })).toBeUndefined();
  expect(faults).toEqual([
    ["throws", error],
    ["type", undefined],
    ["garbage", undefined],
  ]);
});

it("N10 reports once that the two headers of proxies disagree", () => {
  const find = finder({ trustProxy: 1 });
  const both = { "x-forwarded-for": "203.0.113.1", forwarded: "for=203.0.113.2" };
  expect([find("10.0.0.1", both), find("10.0.0.1", both)]).toEqual(["10.0.0.1", "10.0.0.1"]);
  expect(faults).toEqual([["disagree", undefined]]);
});

it("N10 identifies the same client in the same way, however many others come in between", () => {
  const find = finder({});
  for (let at = 0; at < 5_000; at++)
    expect(find(`203.0.${at >> 8}.${at & 255}`)).toBe(`203.0.${at >> 8}.${at & 255}`);
  expect(find("203.0.0.1")).toBe("203.0.0.1");
  expect(find("::ffff:203.0.0.1")).toBe("203.0.0.1");
  expect(find("garbage")).toBeUndefined();
});
