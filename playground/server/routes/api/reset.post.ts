import { defineHandler } from "nitro/h3";
import ai from "../ai/[...path].ts";
import { simulatorURL } from "../../setup.ts";
import { play } from "../../situation.ts";

/** Starts over: the upstream is healthy, nothing cools down, every credential is in use. */
export default defineHandler(async () => {
  if (simulatorURL) await play("healthy", {});
  const { credentials } = ai.relay;
  for (const { id } of ai.relay.status().credentials) {
    credentials.enable(id);
    credentials.clear(id);
  }
  // What is closed for every credential stands under `*`.
  credentials.clear("*");
  return {};
});
