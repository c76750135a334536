import { describe, expect, it } from "vitest";
import type { AnonymousCredential } from "../../src/options/credential-types.ts";
import { resolveOptions } from "../../src/options/resolve.ts";

const upstream = { baseURL: "https://api.example.com/v1", dialect: "generic" } as const;
const create = () => Promise.resolve({ accessToken: "t" });
const resolve = (more: Partial<AnonymousCredential>) =>
  resolveOptions({ upstream, credentials: [{ id: "guests", anonymous: create, ...more }] });

describe("a source of anonymous tokens", () => {
  it("H2 has the limits of the row and a counter of its own by default", () => {
    const { credentials, acquirers, secrets } = resolve({});
    expect(credentials).toEqual([]);
    expect(secrets.size).toBe(0);
    expect(acquirers).toMatchObject([
      { id: "guests", maxLive: 1, limiter: "guests", source: { create } },
    ]);
    expect(acquirers[0]!.limits).toEqual({ perHour: 10, perDay: 50, spacing: 60_000 });
  });

  it("H2 accepts other limits and another key", () => {
    const [acquirer] = resolve({ createLimit: { perHour: 2, key: "home" } }).acquirers;
    expect(acquirer!.limits).toEqual({ perHour: 2, perDay: 50, spacing: 60_000 });
    expect(acquirer!.limiter).toBe("home");
  });

  it("K13 can be the only credential of an upstream", () => {
    expect(() => resolve({ models: { allow: ["m"] } })).not.toThrow();
    const models = { m: {}, n: {} };
    const credentials = [{ id: "guests", anonymous: create, models: { allow: ["m"] } }];
    expect(() => resolveOptions({ upstream, models, credentials })).toThrow(
      /models\.n: is not served/,
    );
  });

  it.each<[string, object, string]>([
    ["Infinity", { createLimit: { perHour: Infinity } }, "createLimit.perHour: must be a whole"],
    ["nothing", { createLimit: { perDay: 0 } }, "createLimit.perDay: must be at least 1"],
    ["no spacing", { createLimit: { spacing: 0 } }, "createLimit.spacing: must be above 0"],
    ["endless spacing", { createLimit: { spacing: Infinity } }, "createLimit.spacing: must be fin"],
    ["false", { createLimit: false }, "createLimit: must be an object"],
    ["a disguise", { createLimit: { proxies: [] } }, "createLimit.proxies: is not an option"],
    ["a user agent", { userAgent: "x" }, "userAgent: is not an option"],
  ])("H9 its limiter cannot be switched off, nor its look changed: %s", (_, more, message) => {
    expect(() => resolve(more)).toThrow(`credentials[0] (guests).${message}`);
  });

  it.each<[string, object, string]>([
    ["an `apiKey` as well", { apiKey: "k" }, "apiKey: cannot be combined with `anonymous`"],
    ["neither", { anonymous: undefined }, "anonymous: is missing"],
    ["no source", { anonymous: {} }, "anonymous.create: is missing"],
    ["a mark without a count", { lowWater: 2 }, "lowWater: needs `expectedRequests`"],
    [
      "a mark that leaves no room",
      { lowWater: 2, expectedRequests: 9 },
      "lowWater: needs `maxLive` above 1",
    ],
    [
      "its options elsewhere",
      { anonymous: undefined, apiKey: "k", maxLive: 2 },
      "maxLive: applies only to credentials with `anonymous`",
    ],
  ])("K13 is wrong with %s", (_, more, message) => {
    expect(() => resolve(more)).toThrow(`credentials[0] (guests).${message}`);
  });
});
