// The options of the relay in the host suite, on every host: two keys for the simulator, short times, and a printed end event.

/** @param {Record<string, string | undefined>} env */
export const optionsOf = (env) => ({
  upstream: {
    baseURL: `${env.UPSTREAM_URL}/v1`,
    dialect: "openai",
    pools: [{ name: "main" }, { name: "far", baseURL: `${env.FAR_URL}/v1` }],
  },
  credentials: [
    { id: "c1", apiKey: "sk-hosts-c1-0123456789" },
    { id: "c2", apiKey: "sk-hosts-c2-0123456789" },
  ],
  authorize: () => true,
  limits: { maxWait: 600_000, bodyTimeout: 1_000 },
  streaming: { commitAfter: 400, heartbeat: 200, idleTimeout: 1_500, shutdownGrace: 500 },
  hooks: { end: (event) => console.log(`END ${JSON.stringify(event)}`) },
  ...(env.PROTOCOLS && withPlaces()),
});

/**
 * What the scenes of the protocols need: places that run out if one of them is kept, no circuit that opens, and a line for each attempt.
 */
const withPlaces = () => ({
  credentials: ["c1", "c2"].map((id) => ({
    id,
    apiKey: `sk-hosts-${id}-0123456789`,
    maxInFlight: 50,
  })),
  limits: { maxWait: 600_000, bodyTimeout: 1_000, circuitAfter: false },
  streaming: { commitAfter: 400, heartbeat: 200, idleTimeout: 60_000, shutdownGrace: 500 },
  hooks: {
    end: (event) => console.log(`END ${JSON.stringify(event)}`),
    route: ({ decision }) => console.log(`ROUTE ${decision.model}`),
  },
});
