/** Follows the README's quick start word for word in an empty folder: install, build, stream, stop. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createSimulator, type Simulator } from "../../simulator/index.ts";
import type { HostProcess } from "../hosts/support/process.ts";
import { endBySignal, expectStream, leaveMidBody } from "./checks.ts";
import { type App, createApp } from "./run.ts";

const KEYS = { KEY_A: "sk-recipe-a-0123456789", KEY_B: "sk-recipe-b-0123456789" };
const SOON = 200;

describe.each([
  ["what `npm i nitro` installs", "nitro"],
  ["the newest beta", "nitro@3.0.260903-beta"],
])("L12 the quick start on %s", (_, nitro) => {
  let upstream: Simulator;
  let app: App;
  let host: HostProcess;

  beforeAll(async () => {
    upstream = await createSimulator({ keys: { a: KEYS.KEY_A, b: KEYS.KEY_B } });
    app = await createApp([["README.md", "## Quick start"]], upstream, { packages: { nitro } });
  });
  afterAll(async () => {
    await host?.stop();
    app?.remove();
    await upstream?.close();
  });

  it("L13 installs and builds without a key", () => app.prepare());

  it("streams to the byte", async () => {
    host = await app.start(KEYS);
    await expectStream(`${host.url}/ai`, upstream);
  });

  it("closes the upstream when the client disconnects", async () => {
    expect(await leaveMidBody(`${host.url}/ai`, upstream)).toBeLessThan(SOON);
  });

  it("ends at SIGTERM", async () => {
    process.stdout.write(`SIGTERM to exit: ${(await endBySignal(host)).toFixed(0)} ms\n`);
  });
});
