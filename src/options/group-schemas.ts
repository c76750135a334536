// The schemas of the groups of options: scheduling, tokens, limits, streaming, response headers, CORS.
import * as v from "valibot";
import type {
  CorsOptions,
  LimitOptions,
  PerCallerOptions,
  PreferredOptions,
  ProtectOptions,
  ResponseHeaderOptions,
  SchedulingOptions,
  StreamingOptions,
  TokenOptions,
} from "./group-types.ts";
import { ANSWER_OWN } from "./header-rules.ts";
import { RULE_REASONS, refusalRule } from "./rule-schema.ts";
import { callable, groupOf } from "./schema-group.ts";
import {
  count,
  finite,
  flag,
  headerBut,
  headerName,
  ms,
  oneOf,
  orOff,
  percent,
  text,
  texts,
  timeout,
  whole,
} from "./schema-parts.ts";

export const schedulingSchema: v.GenericSchema<SchedulingOptions> = groupOf<SchedulingOptions>()({
  mode: oneOf(
    ["balance", "cache-first", "performance-first"],
    'must be "balance", "cache-first" or "performance-first"',
  ),
  cacheWait: ms,
  strategy: v.lazy((input) =>
    typeof input === "function"
      ? callable
      : oneOf(
          ["round-robin", "weighted", "least-in-flight", "quota"],
          'must be "round-robin", "weighted", "least-in-flight", "quota", or a function',
        ),
  ),
  reuseWindow: orOff(ms),
  preferred: v.lazy((input) =>
    typeof input === "string" ? text : groupOf<PreferredOptions>()({ strict: flag }, { id: text }),
  ),
  protect: orOff(groupOf<ProtectOptions>()({ models: texts }, { below: percent })),
  rotateEvery: count,
  sessionKey: v.lazy((input) => (typeof input === "function" ? callable : headerName)),
  sessionTTL: ms,
  sessionLimit: count,
});

export const tokensSchema: v.GenericSchema<TokenOptions> = groupOf<TokenOptions>()({
  background: flag,
  concurrency: count,
});

export const limitsSchema: v.GenericSchema<LimitOptions> = groupOf<LimitOptions>()({
  families: v.record(text, v.pipe(text, v.notValue("*", "must not be `*`"))),
  maxAttempts: count,
  maxWait: ms,
  deadline: orOff(ms),
  switchDelay: ms,
  switchOnFirstRateLimit: flag,
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
  bufferedBytes: count,
  bodyTimeout: ms,
  headerCount: count,
  maxPending: count,
  queue: v.pipe(whole, v.minValue(0, "must not be negative")),
  perCaller: groupOf<PerCallerOptions>()({ concurrent: orOff(count) }),
});

export const streamingSchema: v.GenericSchema<StreamingOptions> = groupOf<StreamingOptions>()({
  commitAfter: orOff(ms),
  heartbeat: ms,
  connectTimeout: timeout,
  firstByteTimeout: timeout,
  responseTimeout: timeout,
  firstPayloadTimeout: orOff(timeout),
  idleTimeout: timeout,
  payloadIdleTimeout: orOff(timeout),
  clientStallTimeout: orOff(timeout),
  totalTimeout: orOff(ms),
  eventSize: count,
  includeUsage: flag,
  shutdownGrace: ms,
  onDisconnect: v.lazy((input) =>
    typeof input === "function"
      ? callable
      : oneOf(["abort", "drain", "detach"], 'must be "abort", "drain", "detach" or a function'),
  ),
  drainTimeout: ms,
  drainBytes: count,
});

const responseHeader = orOff(headerBut(ANSWER_OWN, "has another meaning in a response"));

export const responseHeadersSchema: v.GenericSchema<ResponseHeaderOptions> =
  groupOf<ResponseHeaderOptions>()({
    model: responseHeader,
    attempts: responseHeader,
    requestId: responseHeader,
    credential: responseHeader,
  });

const origin = v.pipe(
  v.string(),
  v.regex(
    /^[a-z][a-z\d+.-]*:\/\/[^\s/?#A-Z]+$/,
    "must be an origin like https://app.example.com, without a path or a `/` at its end",
  ),
);

export const originsSchema: v.GenericSchema<string[]> = v.array(origin);

export const corsSchema: v.GenericSchema<CorsOptions> = v.pipe(
  groupOf<CorsOptions>()(
    { credentials: flag, maxAge: ms },
    {
      origin: v.lazy((input) =>
        input === "*"
          ? v.literal("*")
          : v.pipe(v.array(origin), v.nonEmpty("must list at least one origin")),
      ),
    },
    'must be false or an object like `{ origin: ["https://app.example.com"] }`',
  ),
  v.check(
    (it) => !(it.credentials && it.origin === "*"),
    'cannot combine credentials with the origin "*"',
  ),
);
