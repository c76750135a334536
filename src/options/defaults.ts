// Every default. A test compares them with `@default` in the comments of the types, from which the tables of docs/options.md are made.

/** Of the options of a relay and their groups. */
export const DEFAULTS = {
  base: "relay",
  scheduling: {
    mode: "balance",
    cacheWait: 60_000,
    strategy: "round-robin",
    reuseWindow: false,
    protect: false,
    rotateEvery: 1,
    sessionTTL: 3_600_000,
    sessionLimit: 100_000,
  },
  tokens: {
    background: false,
    concurrency: 2,
  },
  limits: {
    maxAttempts: 3,
    maxWait: 10_000,
    deadline: false,
    switchDelay: 0,
    switchOnFirstRateLimit: true,
    hintMultiplier: 1,
    jitter: 0,
    disableOn: ["UNAUTHENTICATED", "FORBIDDEN"],
    pruneAfter: false,
    circuitAfter: 5,
    circuitWithin: 120_000,
    circuitOpen: 30_000,
    bodySize: 33_554_432,
    bufferedBytes: 268_435_456,
    bodyTimeout: 60_000,
    headerCount: 100,
    maxPending: 10_000,
    queue: 1_000,
    perCaller: { concurrent: 100 },
  },
  streaming: {
    commitAfter: 10_000,
    heartbeat: 15_000,
    connectTimeout: 20_000,
    firstByteTimeout: 300_000,
    responseTimeout: 600_000,
    firstPayloadTimeout: 600_000,
    idleTimeout: 300_000,
    payloadIdleTimeout: 600_000,
    clientStallTimeout: 300_000,
    totalTimeout: false,
    eventSize: 1_048_576,
    includeUsage: false,
    shutdownGrace: 5_000,
    onDisconnect: "abort",
    drainTimeout: 30_000,
    drainBytes: 1_048_576,
  },
  responseHeaders: {
    model: "x-relay-model",
    attempts: "x-relay-attempts",
    requestId: "x-relay-request-id",
    credential: false,
  },
  cors: false,
} as const;

/** Of `limits.bufferedBytes` on Cloudflare Workers, where an isolate has 128 MB. */
export const WORKERS_BUFFERED_BYTES = 33_554_432;

/** Of each upstream. */
export const UPSTREAM_DEFAULTS = { quotaEvery: false, quotaFallback: false } as const;

/** Of each credential. */
export const CREDENTIAL_DEFAULTS = {
  weight: 1,
  maxLive: 1,
  createLimit: { perHour: 10, perDay: 50, spacing: 60_000 },
} as const;

/** Of `cors`, where it is on. */
export const CORS_DEFAULTS = { credentials: false, maxAge: 600_000 } as const;
