// The shape of the options, checked before anything is made of them: an unknown key or a wrong type names its path.
import * as v from "valibot";

const fn = v.custom<(...args: never[]) => unknown>(
  (value) => typeof value === "function",
  "must be a function",
);
const ms = v.pipe(
  v.number("must be a number of milliseconds"),
  v.finite("must be finite"),
  v.minValue(0, "must not be negative"),
);
const count = v.pipe(
  v.number("must be a number"),
  v.integer("must be a whole number"),
  v.minValue(1, "must be at least 1"),
);
const text = v.pipe(v.string("must be a string"), v.nonEmpty("must not be empty"));
const off = v.literal(false);
const orOff = <T extends v.GenericSchema>(schema: T): v.UnionSchema<[T, typeof off], undefined> =>
  v.union([schema, off]);
const headerName = v.pipe(text, v.regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, "must be a header name"));
const headerValue = v.pipe(
  v.string("must be a string"),
  v.regex(/^[\t\u0020-\u007e\u0080-\u00ff]*$/, "must be a header value"),
);
const patterns = v.optional(v.array(text, "must be a list of patterns"));

/** Checks that an object has the methods that the relay will call on it. */
const having = (what: string, ...methods: string[]): v.GenericSchema<object> =>
  v.custom<object>(
    (value) =>
      value !== null &&
      ["object", "function"].includes(typeof value) &&
      methods.every((name) => typeof Reflect.get(value as object, name) === "function"),
    `must be ${what}`,
  );

const baseURL = v.pipe(
  text,
  v.check(
    (url) => URL.canParse(url) && /^https?:$/.test(new URL(url).protocol),
    "must be an absolute http(s) URL",
  ),
  v.check(
    (url) => !URL.canParse(url) || !(new URL(url).username || new URL(url).password),
    "must not carry a credential",
  ),
  v.check((url) => !/[?#]/.test(url), "must have no query and no fragment"),
);

const upstream = v.strictObject({
  baseURL,
  dialect: v.union(
    [
      text,
      having(
        "a dialect: its name, or an object with its methods",
        "readModel",
        "meaningOf",
        "renderError",
      ),
    ],
    "must be a dialect's name or a dialect",
  ),
  headers: v.optional(v.record(headerName, headerValue)),
  passHeaders: v.optional(v.array(headerName)),
});

const credential = v.strictObject({
  id: text,
  label: v.optional(text),
  upstream: v.optional(text),
  apiKey: v.optional(
    v.pipe(
      text,
      v.regex(/^[\u0021-\u007e]+$/, "must be printable ASCII without spaces, as headers need it"),
    ),
  ),
  tier: v.optional(
    v.union(
      [v.pipe(v.number(), v.finite("must be finite")), text],
      "must be a number or one of `tiers`",
    ),
  ),
  models: v.optional(v.strictObject({ allow: patterns, deny: patterns })),
  maxInFlight: v.optional(count),
});

const scheduling = v.strictObject({
  rotateEvery: v.optional(count),
  sessionKey: v.optional(v.union([headerName, fn], "must be a header's name or a function")),
  sessionTTL: v.optional(ms),
  sessionLimit: v.optional(count),
});

const limits = v.strictObject({
  families: v.optional(v.record(text, text)),
  maxAttempts: v.optional(count),
  maxWait: v.optional(ms),
  deadline: v.optional(orOff(ms)),
  switchDelay: v.optional(ms),
  switchOnFirstRateLimit: v.optional(v.boolean()),
  hintMultiplier: v.optional(
    v.pipe(
      v.number(),
      v.finite(),
      v.minValue(1, "must be at least 1: a stated wait is never shortened"),
    ),
  ),
  jitter: v.optional(
    v.pipe(v.number(), v.minValue(0, "must not be negative"), v.maxValue(1, "must be at most 1")),
  ),
  disableOn: v.optional(v.array(text)),
  bodySize: v.optional(count),
  bodyTimeout: v.optional(ms),
  headerCount: v.optional(count),
  queue: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0, "must not be negative"))),
  perClient: v.optional(orOff(count)),
});

const streaming = v.strictObject({
  commitAfter: v.optional(orOff(ms)),
  heartbeat: v.optional(ms),
  connectTimeout: v.optional(ms),
  firstByteTimeout: v.optional(ms),
  idleTimeout: v.optional(ms),
  totalTimeout: v.optional(orOff(ms)),
  eventSize: v.optional(count),
  shutdownGrace: v.optional(ms),
});

const responseHeaders = v.strictObject({
  model: v.optional(orOff(headerName)),
  attempts: v.optional(orOff(headerName)),
  requestId: v.optional(orOff(headerName)),
  credential: v.optional(orOff(headerName)),
});

const cors = v.pipe(
  v.strictObject({
    origin: v.union([v.array(text), v.literal("*")]),
    credentials: v.optional(v.boolean()),
    maxAge: v.optional(ms),
  }),
  v.check(
    (it) => !(it.credentials && it.origin === "*"),
    'credentials cannot go together with origin "*"',
  ),
);

export const optionsSchema: v.GenericSchema = v.strictObject({
  upstream: v.optional(upstream),
  upstreams: v.optional(v.record(text, upstream)),
  models: v.optional(v.record(text, v.strictObject({ upstream: text }))),
  tiers: v.optional(v.array(text)),
  credentials: v.array(credential, "must be a list of credentials"),
  authorize: v.optional(fn),
  scheduling: v.optional(scheduling),
  limits: v.optional(limits),
  streaming: v.optional(streaming),
  storage: v.optional(
    having("an unstorage storage", "getItem", "getItems", "setItem", "removeItem", "getKeys"),
  ),
  base: v.optional(
    v.pipe(
      text,
      v.regex(/^[\w.-]+(:[\w.-]+)*$/, "must be letters, digits, `_`, `.`, `-`, joined by `:`"),
    ),
  ),
  mount: v.optional(v.pipe(v.string(), v.regex(/^(\/[^/?#]+)*\/?$/, "must be a path like `/ai`"))),
  responseHeaders: v.optional(responseHeaders),
  cors: v.optional(orOff(cors)),
  hooks: v.optional(
    v.strictObject({
      attempt: v.optional(fn),
      cooldown: v.optional(fn),
      rotation: v.optional(fn),
      credential: v.optional(fn),
      end: v.optional(fn),
    }),
  ),
  log: v.optional(orOff(having("a logger", "debug", "info", "warn", "error"))),
  transport: v.optional(
    v.union(
      [v.literal("fetch"), having("a transport", "send", "close")],
      'must be "fetch" or a transport',
    ),
  ),
  fetch: v.optional(fn),
  clock: v.optional(having("a clock", "now", "after")),
  random: v.optional(fn),
});
