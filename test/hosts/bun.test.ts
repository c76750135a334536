import { expect, it } from "vitest";
import { describeHost } from "./suite.ts";
import { copyApp, installedAt, isNotInstalled } from "./support/apps.ts";
import { ask } from "./support/client.ts";
import { type HostSetup, setStage } from "./support/stage.ts";

const setup: HostSetup = {
  isMissing: () => isNotInstalled("bun", ".bin/bun"),
  mount: "/deep/ai",
  prepare: (app) => ({
    command: installedAt("bun", ".bin/bun"),
    args: () => ["run", copyApp(app, "bun.mjs")],
    cwd: app.app,
  }),
};

describeHost("bun", setup);

/** Time after which Bun closes a connection without traffic, in ms. */
const BUN_PATIENCE = 10_000;

it.skipIf(setup.isMissing!())(
  "I6 waits longer than Bun's idle timeout for a response that is not a stream",
  async () => {
    const stage = await setStage(setup);
    try {
      stage.upstream.script({ then: { delay: BUN_PATIENCE + 2_500 } });
      const body = await ask(stage.url, "thinks", { stream: false }).rest();
      expect(body.equals(stage.upstream.ledger.last()!.sent!)).toBe(true);
      expect(stage.upstream.ledger.total).toBe(1);
    } finally {
      await stage.close();
    }
  },
  30_000,
);
