// The relay with a store that counts its calls.
import { H3, serve } from "h3";
import { createStorage } from "unstorage";
import memory from "unstorage/drivers/memory";
import { defineRelay } from "../../dist/index.mjs";
import { announce } from "../lib/program.mjs";
import { options } from "./options.mjs";

const counts = { reads: 0, writes: 0 };
const driver = memory();
for (const name of Object.keys(driver)) {
  const original = driver[name];
  if (typeof original !== "function") continue;
  const what = /^(?:set|remove|clear)/.test(name) ? "writes" : "reads";
  driver[name] = (...args) => (counts[what]++, original.apply(driver, args));
}

const relay = defineRelay({ ...options, storage: createStorage({ driver }) });
await relay.relay.ready();
const app = new H3().all("/ai/**", relay);
const server = serve(app, { port: 0, hostname: "127.0.0.1", silent: true });
await server.ready();
announce(server.url, { store: () => counts });
