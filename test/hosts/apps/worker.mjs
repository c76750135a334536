import { defineRelay } from "h3-relay/cloudflare";
import { optionsOf } from "./options.mjs";

export default defineRelay((env) => ({ ...optionsOf(env), mount: "/deep/ai" }));
