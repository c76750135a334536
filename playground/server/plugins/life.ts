import { definePlugin } from "nitro";
import ai from "../routes/ai/[...path].ts";
import { simulatorURL } from "../setup.ts";
import { play } from "../situation.ts";

/** Begins with a healthy upstream; closes the relay with the app, and the app with the process that started it. */
export default definePlugin(({ hooks }) => {
  if (simulatorURL) void play("healthy", {}).catch(() => {});
  hooks.hook("close", () => ai.relay.close());
  process.once("disconnect", () => process.kill(process.pid, "SIGTERM"));
});
