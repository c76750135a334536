// The defaults of every option that has one. docs/options.md shows the same table; a test compares them.

export const DEFAULTS = {
  base: "relay",
  scheduling: {
    rotateEvery: 1,
    sessionTTL: 3_600_000,
    sessionLimit: 100_000,
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
    bodySize: 33_554_432,
    bodyTimeout: 60_000,
    headerCount: 100,
    queue: 1_000,
    perClient: 100,
  },
  streaming: {
    commitAfter: 10_000,
    heartbeat: 15_000,
    connectTimeout: 20_000,
    firstByteTimeout: 60_000,
    idleTimeout: 120_000,
    totalTimeout: false,
    eventSize: 1_048_576,
    shutdownGrace: 5_000,
  },
  responseHeaders: {
    model: "x-relay-model",
    attempts: "x-relay-attempts",
    requestId: "x-relay-request-id",
    credential: false,
  },
  cors: false,
} as const;
