import { defineHandler, HTTPError, readBody } from "nitro/h3";
import { simulatorURL } from "../../setup.ts";
import { play, type CallFilter } from "../../situation.ts";

/** Starts a situation of the simulated upstream: `{ name, appliesTo }`. */
export default defineHandler(async (event) => {
  if (!simulatorURL)
    throw new HTTPError({
      status: 404,
      message: "The playground runs with a real API, so there is no simulator.",
    });
  const { name, appliesTo = {} } =
    (await readBody<{ name?: string; appliesTo?: CallFilter }>(event)) ?? {};
  if (typeof name !== "string" || !(await play(name, appliesTo)))
    throw new HTTPError({ status: 400, message: "Field `name` must name a situation." });
  return { name, appliesTo };
});
