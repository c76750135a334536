import { definePlugin } from "nitro";
import ai from "../routes/ai/[...path].ts";
import { simulatorURL } from "../setup.ts";
import { play } from "../situation.ts";

/** Begins with a healthy upstream; closes the relay with the app, and the app with the process that started it. */
export default definePlugin(({ hooks }) => {
  if (simulatorURL) void play("healthy", {}).catch(() => {});
  hooks.hook("close", async () => {
    await ai.relay.close();
    // The line to whoever started it would keep the process alive.
    if (process.connected) process.disconnect();
  });
  // Whoever started it is gone, and with it the pipes that a server in good order would say its farewell to.
  process.once("disconnect", () => void ai.relay.close().finally(() => process.exit()));
});
