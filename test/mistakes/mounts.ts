/** Mount paths, middlewares before the relay, and authorization. */
import { type Given, type Mistake, SERVED } from "./bench.ts";

const right = (given: Given): object => given.right;
const withRight =
  (more: object) =>
  (given: Given): object => ({ ...given.right, ...more });
const unmounted = (given: Given): object => ({ ...given.right, mount: undefined });

export const MOUNTS: Record<string, Mistake> = {
  "L15 no mount, with relay.fetch": {
    options: unmounted,
    log: [
      'error The relay has no mount path and therefore relays no request: set the option `mount`, or give the relay a path in the router of the host (`app.use("/ai/**", relay)`), or call `relay.fetch(request, { mount })`. `mount: "/"` relays every path.',
    ],
    answer: [
      500,
      "ERR_RELAY_MOUNT_MISSING",
      'The relay has no mount path and therefore relays no request: set the option `mount`, or give the relay a path in the router of the host (`app.use("/ai/**", relay)`), or call `relay.fetch(request, { mount })`. `mount: "/"` relays every path.',
    ],
  },
  "L15 no mount, with node:http": {
    through: "node:http",
    options: unmounted,
    log: [
      'error The relay has no mount path and therefore relays no request: set the option `mount`, or give the relay a path in the router of the host (`app.use("/ai/**", relay)`), or call `relay.fetch(request, { mount })`. `mount: "/"` relays every path.',
    ],
    answer: [
      500,
      "ERR_RELAY_MOUNT_MISSING",
      'The relay has no mount path and therefore relays no request: set the option `mount`, or give the relay a path in the router of the host (`app.use("/ai/**", relay)`), or call `relay.fetch(request, { mount })`. `mount: "/"` relays every path.',
    ],
  },
  "K13 L15 a mount as a route": {
    options: withRight({ mount: "/ai/**" }),
    log: [],
    answer: [
      "thrown",
      "ERR_RELAY_OPTIONS",
      "The relay's options are wrong: mount: must be a path like `/ai`, not a route pattern: remove the wildcard (`/**`, `/*`, `/[...path]`)",
    ],
  },
  "L15 a mount in another case": {
    options: withRight({ mount: "/AI" }),
    log: [],
    answer: [
      404,
      "ERR_RELAY_MOUNT",
      "Nothing is relayed at /ai/chat/completions; the relay is mounted on /AI.",
    ],
  },
  "L15 a mount that is not the app's": {
    options: withRight({ mount: "/api/ai" }),
    log: [],
    answer: [
      404,
      "ERR_RELAY_MOUNT",
      "Nothing is relayed at /ai/chat/completions; the relay is mounted on /api/ai.",
    ],
  },
  "L15 a proxy that cuts the mount off": {
    path: "/chat/completions?user=1",
    through: "node:http",
    options: right,
    log: [],
    answer: [
      404,
      "ERR_RELAY_MOUNT",
      "Nothing is relayed at /chat/completions; the relay is mounted on /ai.",
    ],
  },
  "L15 a path of the app": {
    method: "GET",
    path: "/favicon.ico",
    options: right,
    log: [],
    answer: [
      404,
      "ERR_RELAY_MOUNT",
      "Nothing is relayed at /favicon.ico; the relay is mounted on /ai.",
    ],
  },
  "L15 a mount that the router knows better, in h3": {
    through: "h3",
    options: withRight({ mount: "/api/ai" }),
    log: [],
    answer: SERVED,
  },
  "J14 express.json() before the relay": {
    through: "express after its parser",
    options: unmounted,
    log: [
      "warn request body: was read before it reached the relay; mount the relay before `express.json()` and every other body parser",
    ],
    answer: [
      500,
      "ERR_RELAY_BODY_USED",
      "The request body was read before it reached the relay: mount the relay before `express.json()` and every other body parser.",
    ],
  },
  "J15 no mount and no parser before it, in Express": {
    through: "express",
    options: unmounted,
    log: [],
    answer: SERVED,
  },
  "J14 authorize that reads the body": {
    options: withRight({ authorize: async (request: Request) => !!(await request.json()) }),
    log: [
      "warn request body: was read before it reached the relay; pass an unread request; code that runs before the relay, `authorize` included, must read `request.clone()`",
    ],
    answer: [
      500,
      "ERR_RELAY_BODY_USED",
      "The request body was read before it reached the relay: pass an unread request; code that runs before the relay, `authorize` included, must read `request.clone()`.",
    ],
  },
  "J14 authorize that reads the body, on Node": {
    through: "node:http",
    options: withRight({ authorize: async (request: Request) => !!(await request.json()) }),
    log: [
      "warn authorize: threw SyntaxError: Unexpected end of JSON input; on Node the request that `authorize` gets has no body: decide by its URL and headers; to refuse a request return false, or return or throw a Response",
    ],
    answer: [
      500,
      "ERR_RELAY_AUTHORIZE",
      "The `authorize` function failed; the server's log has the details.",
    ],
  },
  "J14 authorize that returns an object": {
    options: withRight({ authorize: () => ({ id: "u1", isAdmin: true }) }),
    log: [
      "warn authorize: returned an object with the keys id, isAdmin; expected: a string of 1 to 256 characters (the caller's id), true, false or null (refused), or a Response",
    ],
    answer: [
      500,
      "ERR_RELAY_AUTHORIZE",
      "The `authorize` function failed; the server's log has the details.",
    ],
  },
  "J14 authorize without its return": {
    options: withRight({ authorize: (request: Request) => void request.headers.get("x-user") }),
    log: [
      "warn authorize: returned undefined, which refuses the request (401); if this is not intended, a `return` is missing: return a caller id or `true` to accept the request",
    ],
    answer: [
      401,
      "ERR_RELAY_UNAUTHORIZED",
      "Not authorized: the relay's `authorize` function rejected the request.",
    ],
  },
  "J14 authorize that takes headers for an object": {
    options: withRight({
      authorize: (request: { headers: { authorization: string } }) =>
        request.headers.authorization.slice(7),
    }),
    log: [
      "warn authorize: threw TypeError: Cannot read properties of undefined (reading 'slice'); to refuse a request return false, or return or throw a Response",
    ],
    answer: [
      500,
      "ERR_RELAY_AUTHORIZE",
      "The `authorize` function failed; the server's log has the details.",
    ],
  },
  "J14 authorize that never settles": {
    options: withRight({ authorize: () => new Promise(() => {}) }),
    log: [
      "warn authorize: did not settle within 30 s; the request was ended: check what the function waits for",
    ],
    answer: [
      500,
      "ERR_RELAY_AUTHORIZE",
      "The `authorize` function failed; the server's log has the details.",
    ],
  },
  "N7 authorize that refuses": {
    options: withRight({ authorize: () => false }),
    log: [],
    answer: [
      401,
      "ERR_RELAY_UNAUTHORIZED",
      "Not authorized: the relay's `authorize` function rejected the request.",
    ],
  },
  "N7 no authorize": {
    options: withRight({ authorize: undefined }),
    log: [
      "warn every client that reaches this relay may use it: set `authorize` to decide which clients may",
    ],
    answer: SERVED,
  },
  "N10 no authorize, and a host that knows no address": {
    isAddressless: true,
    options: withRight({ authorize: undefined }),
    log: [
      "warn every client that reaches this relay may use it: set `authorize` to decide which clients may",
      "warn the address of a client is not known: all requests without an address share one cap of 1000 at a time; pass `address` to `relay.fetch`, set `clientAddress`, or set `trustProxy` to the number of proxies in front",
    ],
    answer: SERVED,
  },
  "N10 a proxy in front, and no trustProxy": {
    through: "node:http",
    times: 20,
    headers: { "x-forwarded-for": "198.51.100.7" },
    options: withRight({ authorize: undefined }),
    log: [
      "warn every client that reaches this relay may use it: set `authorize` to decide which clients may",
      'warn 20 requests in a row from one private address (in 127.0.0.0/8) carry x-forwarded-for: there is a proxy in front, and all its users count as one client; set `trustProxy` to the number of proxies in front (`1`) or to their networks (`["127.0.0.0/8"]`), after checking that the proxy itself writes the header. Until then the cap of that address is 1000 requests at a time, instead of 100',
    ],
    answer: SERVED,
  },
  "K13 N10 trustProxy: true": {
    options: withRight({ trustProxy: true }),
    log: [],
    answer: [
      "thrown",
      "ERR_RELAY_OPTIONS",
      "The relay's options are wrong: trustProxy: must be the number of proxies in front of the relay, or a list of their networks",
    ],
  },
  "K13 N10 limits.perClient, as it was called": {
    options: withRight({ limits: { perClient: 10 } }),
    log: [],
    answer: [
      "thrown",
      "ERR_RELAY_OPTIONS",
      "The relay's options are wrong: limits.perClient: is not an option; did you mean `perCaller: { concurrent }`?",
    ],
  },
};
