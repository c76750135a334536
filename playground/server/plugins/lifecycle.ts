import { definePlugin } from "nitro";
import ai from "../routes/ai/[...path].ts";
import { simulatorURL } from "../setup.ts";
import { play } from "../situation.ts";

/** Starts with a healthy upstream. Closes the relay with the app, and the app with the process that started it. */
export default definePlugin(({ hooks }) => {
  if (simulatorURL) void play("healthy", {}).catch(() => {});
  hooks.hook("close", async () => {
    await ai.relay.close();
    // The IPC channel to the parent process would keep this process alive.
    if (process.connected) process.disconnect();
  });
  // The parent process is gone, and with it the pipes that Nitro's own shutdown writes to.
  process.once("disconnect", () => void ai.relay.close().finally(() => process.exit()));
});
