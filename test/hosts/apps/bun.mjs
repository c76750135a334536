import { defineRelay } from "h3-relay/bun";
import { optionsOf } from "./options.mjs";

const relay = defineRelay(() => ({ ...optionsOf(process.env), mount: "/deep/ai" }));
Bun.serve({ port: Number(process.env.PORT), hostname: "127.0.0.1", fetch: relay.fetch });
