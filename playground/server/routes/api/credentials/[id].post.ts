import { defineHandler, HTTPError, readBody } from "nitro/h3";
import ai from "../../ai/[...path].ts";

/** Enables a credential, or removes its cooldowns: `{ "action": "enable" }` or `{ "action": "clear" }`. */
export default defineHandler(async (event) => {
  const { action } = (await readBody<{ action?: string }>(event)) ?? {};
  if (action !== "enable" && action !== "clear")
    throw new HTTPError({ status: 400, message: "Field `action` must be `enable` or `clear`." });
  const id = decodeURIComponent(event.context.params?.["id"] ?? "");
  return { done: ai.relay.credentials[action](id) };
});
