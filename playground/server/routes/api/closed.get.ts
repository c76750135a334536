import { defineHandler, getQuery, HTTPError } from "nitro/h3";
import { simulatorURL } from "../../setup.ts";
import { readClosed } from "../../situation.ts";

/** When the simulated upstream saw the first connection close after `since` (UTC epoch ms), by its own ledger. */
export default defineHandler(async (event) => {
  const since = Number(getQuery(event)["since"]);
  const call = simulatorURL ? await readClosed(since) : undefined;
  if (!call) throw new HTTPError({ status: 404, message: "No connection closed since then." });
  return call;
});
