/** Each Nitro as its users install it: the quick start, a route of their own, starting, ending, and mistakes. */
import { describe } from "vitest";
import { describeMistakes } from "./suite-nitro-mistakes.ts";
import { describeModule } from "./suite-nitro-module.ts";
import { describeRoute } from "./suite-nitro-route.ts";
import { NITRO, type NitroVersion } from "./support/nitro.ts";

describe.each(Object.entries(NITRO) as [string, NitroVersion][])("Nitro %s", (_, nitro) => {
  describe.skipIf(nitro.isMissing())("installed", () => {
    describeModule(nitro);
    describeRoute(nitro);
    describeMistakes(nitro);
  });
});
