// A Worker whose storage is across the network, as KV is: requests that share a relay share what it waits for.
import { defineRelay } from "h3-relay/cloudflare";
import { optionsOf } from "./options.mjs";

const storage = (url) => ({
  async getItems(keys) {
    return Promise.all(keys.map(async (key) => ({ key, value: await this.getItem(key) })));
  },
  getKeys: async () => (await fetch(`${url}/keys`)).json(),
  getItem: async (key) => (await fetch(`${url}/item/${encodeURIComponent(key)}`)).json(),
  async setItem(key, value) {
    const body = JSON.stringify(value);
    await (await fetch(`${url}/item/${encodeURIComponent(key)}`, { method: "PUT", body })).text();
  },
  async removeItem(key) {
    await fetch(`${url}/item/${encodeURIComponent(key)}`, { method: "DELETE" });
  },
});

export default defineRelay((env) => ({
  ...optionsOf(env),
  mount: "/deep/ai",
  storage: storage(env.STORE_URL),
}));
