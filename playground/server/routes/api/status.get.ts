import { defineHandler } from "nitro/h3";
import ai from "../ai/[...path].ts";
import { nowPlaying } from "../../situation.ts";
import { tellRequests } from "../../timeline.ts";

/** What the relay knows now, and what became of the last requests. */
export default defineHandler(async (event) => {
  await ai.relay.ready();
  event.res.headers.set("cache-control", "no-store");
  return { ...ai.relay.status(), playing: await nowPlaying(), recent: tellRequests() };
});
