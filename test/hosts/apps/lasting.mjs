// Options of a route in the app's own code, with state that survives the process; environment variables select the case.
import { oauth } from "h3-relay";

/**
 * @param {Record<string, string | undefined>} env
 * @param {import("h3-relay").RelayOptions["storage"]} storage
 */
export const lastingOf = (env, storage) => ({
  upstream: { baseURL: `${env.UPSTREAM_URL}/v1`, dialect: /** @type {const} */ ("openai") },
  credentials: [
    { id: "c1", ...(env.GRANT ? { token: grantOf(env) } : { apiKey: "sk-hosts-c1-0123456789" }) },
  ],
  authorize: () => true,
  storage,
  base: env.BASE,
  streaming: { shutdownGrace: 500 },
});

const grantOf = (env) =>
  oauth({
    tokenURL: `${env.UPSTREAM_URL}/oauth/token`,
    clientId: "client",
    refreshToken: env.GRANT,
  });
