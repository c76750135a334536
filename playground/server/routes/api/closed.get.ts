import { defineHandler, getQuery, HTTPError } from "nitro/h3";
import { simulatorURL } from "../../setup.ts";
import { readClosed } from "../../situation.ts";

/** Returns the first connection that the simulated upstream saw close after `since` (UTC epoch ms), according to its ledger. */
export default defineHandler(async (event) => {
  const since = Number(getQuery(event)["since"]);
  const call = simulatorURL ? await readClosed(since) : undefined;
  if (!call) throw new HTTPError({ status: 404, message: "No connection closed since then." });
  return call;
});
