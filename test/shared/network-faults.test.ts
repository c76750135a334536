import { describe, expect, it } from "vitest";
import { faultOf, readFault } from "../../src/shared/network-faults.ts";

const failed = (cause: object): TypeError =>
  Object.assign(new TypeError("fetch failed"), { cause });
const coded = (code: string): Error => Object.assign(new Error("somebody's words"), { code });
const deno = (words: string): TypeError =>
  failed(
    new Error(`error sending request for url (https://h/p?k=s): client error (Connect): ${words}`),
  );

describe("the cause of a failed call, as each platform reports it", () => {
  it.each([
    ["Node", failed(coded("ECONNREFUSED")), "refused", "ECONNREFUSED"],
    [
      "Node, tried on two addresses",
      failed(Object.assign(new Error(""), { errors: [coded("ECONNREFUSED")] })),
      "refused",
      "ECONNREFUSED",
    ],
    ["Node", failed(coded("ENOTFOUND")), "dns", "ENOTFOUND"],
    ["Node", failed(coded("EAI_AGAIN")), "dns", "EAI_AGAIN"],
    ["Node", failed(coded("CERT_HAS_EXPIRED")), "certificate", "CERT_HAS_EXPIRED"],
    [
      "Node",
      failed(coded("UNABLE_TO_VERIFY_LEAF_SIGNATURE")),
      "certificate",
      "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
    ],
    [
      "Node",
      failed(coded("ERR_TLS_CERT_ALTNAME_INVALID")),
      "certificate",
      "ERR_TLS_CERT_ALTNAME_INVALID",
    ],
    ["Node", failed(coded("ERR_SSL_WRONG_VERSION_NUMBER")), "tls", "ERR_SSL_WRONG_VERSION_NUMBER"],
    ["Node", failed(coded("EACCES")), "denied", "EACCES"],
    ["Node", failed(coded("UND_ERR_SOCKET")), "closed", "UND_ERR_SOCKET"],
    ["Node", failed(new Error("bad port")), "denied", "BLOCKED_PORT"],
    ["undici", Object.assign(new Error("x"), { name: "HTTPParserError" }), "protocol", "HPE_ERROR"],
    ["Bun", coded("DEPTH_ZERO_SELF_SIGNED_CERT"), "certificate", "DEPTH_ZERO_SELF_SIGNED_CERT"],
    ["Bun", coded("EPROTO"), "tls", "EPROTO"],
    ["Bun", coded("ConnectionRefused"), "refused", "ConnectionRefused"],
    [
      "Deno",
      deno("tcp connect error: Connection refused (os error 111)"),
      "refused",
      "ECONNREFUSED",
    ],
    [
      "Deno",
      deno("dns error: failed to lookup address information: Name or service not known"),
      "dns",
      "ENOTFOUND",
    ],
    ["Deno", deno("invalid peer certificate: Expired"), "certificate", "CERT_HAS_EXPIRED"],
    [
      "Deno",
      deno("invalid peer certificate: Other(OtherError(CaUsedAsEndEntity))"),
      "certificate",
      "CERT_NOT_ACCEPTED",
    ],
    [
      "Deno",
      deno("received corrupt message of type InvalidContentType"),
      "tls",
      "ERR_SSL_WRONG_VERSION_NUMBER",
    ],
    ["Deno", deno("Connection reset by peer (os error 104)"), "closed", "ECONNRESET"],
    ["Deno", deno("connection closed before message completed"), "closed", undefined],
    ["Deno", deno("invalid HTTP version parsed"), "protocol", "HPE_ERROR"],
    [
      "Deno",
      new TypeError("Fetch failed: Requests to port 6000 are blocked"),
      "denied",
      "BLOCKED_PORT",
    ],
    [
      "Deno",
      Object.assign(new Error('Requires net access to "h:443"'), { name: "NotCapable" }),
      "denied",
      "NotCapable",
    ],
    ["workerd", new Error("Network connection lost."), "closed", undefined],
    ["nothing that is known", "thrown", "closed", undefined],
    [
      "a circle of causes",
      (() => {
        const error = new Error("x");
        error.cause = error;
        return error;
      })(),
      "closed",
      undefined,
    ],
    [
      "a code that is a text",
      Object.assign(new Error("x"), { code: "key sk-1 refused" }),
      "closed",
      undefined,
    ],
  ] as const)("J14 E10 reads it from %s", (_platform, error, fault, code) => {
    expect(readFault(error)).toEqual({ fault, code });
  });

  it("E10 treats an unknown code as a connection that ended", () => {
    expect(faultOf("ESOMETHING")).toBe("closed");
  });
});
