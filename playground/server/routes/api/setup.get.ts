import { defineHandler } from "nitro/h3";
import { models, simulatorURL, upstream } from "../../setup.ts";
import { listSituations } from "../../situation.ts";

/** Returns the setup, which does not change while the playground runs. */
export default defineHandler(async () => ({
  mode: simulatorURL ? "simulator" : "api",
  dialect: upstream.dialect,
  models,
  situations: await listSituations(),
}));
