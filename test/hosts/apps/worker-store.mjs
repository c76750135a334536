// A Worker with a storage across the network, like KV: requests that share a relay share its waits.
import { oauth } from "h3-relay";
import { defineRelay } from "h3-relay/cloudflare";
import { optionsOf } from "./options.mjs";

const storage = (url) => ({
  async getItems(keys) {
    return Promise.all(keys.map(async (key) => ({ key, value: await this.getItem(key) })));
  },
  async getKeys(base = "") {
    const keys = await (await fetch(`${url}/keys`)).json();
    return keys.filter((key) => key.startsWith(base));
  },
  getItem: async (key) => (await fetch(`${url}/item/${encodeURIComponent(key)}`)).json(),
  async setItem(key, value) {
    const body = JSON.stringify(value);
    await (await fetch(`${url}/item/${encodeURIComponent(key)}`, { method: "PUT", body })).text();
  },
  async removeItem(key) {
    await fetch(`${url}/item/${encodeURIComponent(key)}`, { method: "DELETE" });
  },
});

const tokenOf = (env) =>
  oauth({
    tokenURL: `${env.UPSTREAM_URL}/oauth/token`,
    clientId: "client",
    refreshToken: env.GRANT,
  });

// A request can advance the clock by `x-later` ms.
let later = 0;
const clock = {
  now: () => Date.now() + later,
  after(delay, wake) {
    const timer = setTimeout(wake, delay);
    return () => clearTimeout(timer);
  },
};

const toOptions = (env) => {
  const options = optionsOf(env);
  return {
    ...options,
    ...(env.GRANT && { credentials: [{ id: "grant", token: tokenOf(env) }] }),
    mount: "/deep/ai",
    clock,
    authorize(request) {
      later += Number(request.headers.get("x-later") ?? 0);
      return true;
    },
    streaming: {
      ...options.streaming,
      onDisconnect: (request) => request.headers.get("x-policy") ?? "abort",
    },
    storage: storage(env.STORE_URL),
    sync: false,
  };
};

/** Options that are fetched from the same store. */
const askForOptions = async (env) => {
  await (await fetch(`${env.STORE_URL}/keys`)).text();
  return toOptions(env);
};

export default defineRelay((env) => (env.ASK ? askForOptions(env) : toOptions(env)));
