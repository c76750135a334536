import { defineRelay } from "h3-relay/deno";
import { optionsOf } from "./options.mjs";

const relay = defineRelay(() => ({ ...optionsOf(Deno.env.toObject()), mount: "/deep/ai" }));
Deno.serve({ port: Number(Deno.env.get("PORT")), hostname: "127.0.0.1" }, relay.fetch);
