import { defineHandler } from "nitro/h3";
import ai from "../ai/[...path].ts";
import { nowPlaying } from "../../situation.ts";
import { listRequests } from "../../timeline.ts";

/** Returns the status of the relay and the last requests. */
export default defineHandler(async (event) => {
  await ai.relay.ready();
  event.res.headers.set("cache-control", "no-store");
  return { ...ai.relay.status(), playing: await nowPlaying(), recent: listRequests() };
});
