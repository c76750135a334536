import { defineHandler, HTTPError, readBody } from "nitro/h3";
import { simulatorURL } from "../../setup.ts";
import { play, type Whom } from "../../situation.ts";

/** Makes the simulated upstream misbehave, or behave again: `{ name, whom }`. */
export default defineHandler(async (event) => {
  if (!simulatorURL) throw new HTTPError({ status: 404, message: "There is no simulator." });
  const { name, whom = {} } = (await readBody<{ name?: string; whom?: Whom }>(event)) ?? {};
  if (typeof name !== "string" || !(await play(name, whom)))
    throw new HTTPError({ status: 400, message: "Field `name` must name a situation." });
  return { name, whom };
});
