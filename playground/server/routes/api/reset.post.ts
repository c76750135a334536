import { defineHandler } from "nitro/h3";
import ai from "../ai/[...path].ts";
import { simulatorURL } from "../../setup.ts";
import { play } from "../../situation.ts";

/** Resets the playground: the upstream is healthy, all cooldowns are removed, every credential is enabled. */
export default defineHandler(async () => {
  if (simulatorURL) await play("healthy", {});
  const { credentials } = ai.relay;
  for (const { id } of ai.relay.status().credentials) {
    credentials.enable(id);
    credentials.clear(id);
  }
  // `*` is the credential of cooldowns that apply to all.
  credentials.clear("*");
  return {};
});
