// The shape of the options, checked before anything is made of them: an unknown key or a wrong type names its path.
import * as v from "valibot";
import { DIALECTS } from "../dialects/builtin.ts";
import { faultOfKey } from "../shared/key-faults.ts";
import { faultOfBaseURL } from "./forms/base-url-form.ts";
import { faultOfMount } from "./forms/mount-form.ts";
import { faultOfSecret } from "./forms/secret-form.ts";
import { faultOfStorage } from "./forms/storage-form.ts";
import { oneOf, RULE_REASONS, refusalRule } from "./rule-schema.ts";
import { ANSWER_OWN, NEVER_PASSED, TRANSPORT_OWN } from "./header-rules.ts";
import { toNetworks } from "./trust-proxy.ts";

const fn = v.function();
const off = v.literal(false);
const finite = v.pipe(v.number(), v.finite("must be finite"));
const ms = v.pipe(finite, v.minValue(0, "must not be negative"));
const whole = v.pipe(v.number(), v.integer("must be a whole number"));
const count = v.pipe(whole, v.minValue(1, "must be at least 1"));
const text = v.pipe(v.string(), v.nonEmpty("must not be empty"));

/** A text that a function finds nothing wrong with. */
const checked = (faultOf: (text: string) => string | undefined): v.GenericSchema<string> =>
  v.pipe(
    v.string(),
    v.rawCheck(({ dataset, addIssue }) => {
      const message = dataset.typed ? faultOf(dataset.value) : undefined;
      if (message !== undefined) addIssue({ message });
    }),
  );
const headerName = v.pipe(text, v.regex(/^[!#$%&'*+.^_`|~\w-]+$/, "must be a header name"));
const headerValue = v.pipe(
  v.string(),
  v.regex(/^[\t\u0020-\u007e\u0080-\u00ff]*$/, "must be a header value"),
);
const texts = v.array(text);
const headerBut = (pattern: RegExp, message: string): v.GenericSchema<string> =>
  v.pipe(
    headerName,
    v.check((name) => !pattern.test(name), message),
  );
const passHeaders = v.array(headerBut(NEVER_PASSED, "never passes from a client to an upstream"));

// A schema chosen by a first look: a union would say "none of these" where the path inside is wanted.
const orOff = (schema: v.GenericSchema): v.GenericSchema =>
  v.lazy((input) => (input === false ? off : schema));

/** An object of which every entry may be left out. */
const optional = (entries: Record<string, v.GenericSchema>): v.GenericSchema =>
  v.strictObject(
    Object.fromEntries(Object.entries(entries).map(([name, schema]) => [name, v.optional(schema)])),
  );

const methods = (...names: string[]): Record<string, typeof fn> =>
  Object.fromEntries(names.map((name) => [name, fn]));

const baseURL = checked(faultOfBaseURL);

const proxyCount = v.pipe(
  v.number("must be the number of proxies in front, or a list of their networks"),
  v.integer("must be a whole number"),
  v.minValue(0, "must not be negative"),
);
const trustedNetwork = v.pipe(
  text,
  v.check(
    (entry) => toNetworks(entry) !== undefined,
    'must be an address, a network like 10.0.0.0/8, "loopback" or "private"',
  ),
  v.check(
    (entry) => !toNetworks(entry)?.some(({ bits }) => bits === 0),
    "must not hold every address: clients could then make theirs up; give the number of proxies",
  ),
);

const dialect = v.looseObject({
  name: text,
  ...methods(
    "readModel",
    "needsModel",
    "wantsStream",
    "credentialHeader",
    "classifyEvent",
    "mayBeSignificant",
    "readUsage",
    "renderError",
    "renderErrorEvent",
  ),
  passHeaders,
  secretParameters: texts,
  version: v.picklist(["required", "optional"], 'must be "required" or "optional"'),
  codes: v.looseObject({}),
  judge: v.optional(fn),
  isCompleteWith: v.optional(fn),
  usageOption: v.optional(
    v.looseObject({
      path: v.pipe(texts, v.nonEmpty("must not be empty")),
      ...methods("isMissing", "isAnswer"),
    }),
  ),
});

const addedHeaders = v.record(headerBut(TRANSPORT_OWN, "is set by the relay itself"), headerValue);

const upstream = v.strictObject(
  {
    baseURL,
    dialect: v.lazy((input) =>
      typeof input === "object" && input !== null
        ? dialect
        : oneOf(
            Object.keys(DIALECTS),
            `must be one of ${Object.keys(DIALECTS).join(", ")}, or a dialect of your own`,
          ),
    ),
    headers: v.optional(addedHeaders),
    passHeaders: v.optional(passHeaders),
    pools: v.optional(
      v.array(
        v.strictObject({
          name: v.pipe(text, v.regex(/^[\w.-]+$/, "must be letters, digits, `_`, `.`, `-`")),
          baseURL: v.optional(baseURL),
          backups: v.optional(v.array(baseURL)),
          headers: v.optional(addedHeaders),
        }),
      ),
    ),
    backups: v.optional(v.array(baseURL)),
    quotaFallback: v.optional(v.boolean()),
    quota: v.optional(fn),
    quotaEvery: v.optional(orOff(v.pipe(ms, v.minValue(1_000, "must be at least 1000")))),
  },
  "must be an object like `{ baseURL, dialect }`",
);

export const credentialSchema: v.GenericSchema = v.strictObject(
  {
    // "*" means every credential wherever a cooldown is kept.
    id: v.pipe(text, v.notValue("*", "must not be `*`")),
    label: v.optional(text),
    upstream: v.optional(text),
    apiKey: v.optional(checked(faultOfKey)),
    token: v.optional(
      v.lazy((input) =>
        typeof input === "function"
          ? fn
          : v.looseObject(
              {
                kind: text,
                rotates: v.boolean(),
                refreshToken: v.optional(text),
                ...methods("refresh"),
              },
              "must be a function or a source such as `oauth(…)`; a key that never changes is an `apiKey`",
            ),
      ),
    ),
    anonymous: v.optional(
      v.lazy((input) =>
        typeof input === "function" ? fn : v.strictObject({ create: fn, refresh: v.optional(fn) }),
      ),
    ),
    maxLive: v.optional(count),
    createLimit: v.optional(
      optional({
        perHour: count,
        perDay: count,
        spacing: v.pipe(finite, v.gtValue(0, "must be above 0")),
        key: text,
      }),
    ),
    expectedRequests: v.optional(count),
    lowWater: v.optional(count),
    tier: v.optional(v.lazy((input) => (typeof input === "string" ? text : finite))),
    models: v.optional(optional({ allow: texts, deny: texts })),
    weight: v.optional(v.pipe(count, v.maxValue(100, "must be at most 100"))),
    maxInFlight: v.optional(count),
  },
  "must be an object like `{ id, apiKey }`",
);

const percent = v.pipe(
  finite,
  v.gtValue(0, "must be above 0"),
  v.maxValue(100, "must be at most 100"),
);

const scheduling = optional({
  mode: oneOf(
    ["balance", "cache-first", "performance-first"],
    'must be "balance", "cache-first" or "performance-first"',
  ),
  cacheWait: ms,
  strategy: v.lazy((input) =>
    typeof input === "function"
      ? fn
      : oneOf(
          ["round-robin", "weighted", "least-in-flight", "quota"],
          'must be "round-robin", "weighted", "least-in-flight", "quota", or a function',
        ),
  ),
  reuseWindow: orOff(ms),
  preferred: v.lazy((input) =>
    typeof input === "string"
      ? text
      : v.strictObject({ id: text, strict: v.optional(v.boolean()) }),
  ),
  protect: orOff(v.strictObject({ below: percent, models: v.optional(texts) })),
  rotateEvery: count,
  sessionKey: v.lazy((input) => (typeof input === "function" ? fn : headerName)),
  sessionTTL: ms,
  sessionLimit: count,
});

const trustProxy = v.lazy((input) => (Array.isArray(input) ? v.array(trustedNetwork) : proxyCount));

const limits = optional({
  families: v.record(text, v.pipe(text, v.notValue("*", "must not be `*`"))),
  maxAttempts: count,
  maxWait: ms,
  deadline: orOff(ms),
  switchDelay: ms,
  switchOnFirstRateLimit: v.boolean(),
  hintMultiplier: v.pipe(
    finite,
    v.minValue(1, "must be at least 1: a stated wait is never shortened"),
  ),
  jitter: v.pipe(finite, v.minValue(0, "must not be negative"), v.maxValue(1, "must be at most 1")),
  disableOn: v.array(oneOf(RULE_REASONS)),
  rules: v.array(refusalRule),
  pruneAfter: orOff(ms),
  circuitAfter: orOff(count),
  circuitWithin: ms,
  circuitOpen: ms,
  bodySize: count,
  bodyTimeout: ms,
  headerCount: count,
  queue: v.pipe(whole, v.minValue(0, "must not be negative")),
  perCaller: optional({ concurrent: orOff(count) }),
});

const streaming = optional({
  commitAfter: orOff(ms),
  heartbeat: ms,
  connectTimeout: ms,
  firstByteTimeout: ms,
  idleTimeout: ms,
  totalTimeout: orOff(ms),
  eventSize: count,
  includeUsage: v.boolean(),
  shutdownGrace: ms,
  onDisconnect: v.lazy((input) =>
    typeof input === "function"
      ? fn
      : oneOf(["abort", "drain", "detach"], 'must be "abort", "drain", "detach" or a function'),
  ),
  drainTimeout: ms,
  drainBytes: count,
});

const responseHeader = orOff(headerBut(ANSWER_OWN, "means something else in an answer"));

const cors = v.pipe(
  v.strictObject(
    {
      origin: v.lazy((input) =>
        input === "*"
          ? v.literal("*")
          : v.pipe(
              v.array(
                v.pipe(
                  v.string(),
                  v.regex(
                    /^[a-z][a-z\d+.-]*:\/\/[^\s/?#A-Z]+$/,
                    "must be an origin like https://app.example.com, without a path or a `/` behind it",
                  ),
                ),
              ),
              v.nonEmpty("must name an origin"),
            ),
      ),
      credentials: v.optional(v.boolean()),
      maxAge: v.optional(ms),
    },
    'must be false or an object like `{ origin: ["https://app.example.com"] }`',
  ),
  v.check(
    (it) => !(it.credentials && it.origin === "*"),
    'cannot have credentials together with origin "*"',
  ),
);

const secret = checked(faultOfSecret);

export const optionsSchema: v.GenericSchema = optional({
  upstream,
  upstreams: v.record(text, upstream),
  models: v.record(text, optional({ upstream: text, fallback: texts })),
  tiers: texts,
  credentials: v.array(credentialSchema),
  authorize: fn,
  clientAddress: fn,
  trustProxy,
  instances: count,
  scheduling,
  tokens: optional({ background: v.boolean(), concurrency: count }),
  limits,
  streaming,
  storage: v.lazy((input) => {
    const fault = faultOfStorage(input);
    return fault === undefined
      ? v.looseObject(methods("getItem", "getItems", "setItem", "removeItem", "getKeys"))
      : v.custom(() => false, fault);
  }),
  base: v.pipe(
    text,
    v.regex(/^[\w.-]+(:[\w.-]+)*$/, "must be letters, digits, `_`, `.`, `-`, joined by `:`"),
  ),
  secret: v.lazy((input) =>
    Array.isArray(input) ? v.pipe(v.array(secret), v.nonEmpty("must not be empty")) : secret,
  ),
  sync: v.union([off, v.pipe(ms, v.minValue(50, "must be 50 or more"))]),
  mount: checked(faultOfMount),
  responseHeaders: optional({
    model: responseHeader,
    attempts: responseHeader,
    requestId: responseHeader,
    credential: responseHeader,
  }),
  cors: orOff(cors),
  hooks: optional({
    attempt: fn,
    cooldown: fn,
    rotation: fn,
    credential: fn,
    route: fn,
    refresh: fn,
    creation: fn,
    end: fn,
  }),
  log: orOff(v.looseObject(methods("debug", "info", "warn", "error"))),
  transport: v.lazy((input) =>
    typeof input === "string"
      ? v.literal("fetch", 'must be "fetch" or a transport')
      : v.looseObject({ name: text, ...methods("send", "close") }),
  ),
  fetch: fn,
  clock: v.looseObject(methods("now", "after")),
  random: fn,
});
