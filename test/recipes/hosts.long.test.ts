/** Follows the section of docs/hosts.md of every host, word for word, except those of web frameworks (test/hosts/*.long.test.ts). */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createSimulator, type Simulator } from "../../simulator/index.ts";
import { installedAt, isNotInstalled } from "../hosts/support/apps.ts";
import { type HostProcess, startProcess } from "../hosts/support/process.ts";
import { bundleWorker } from "../hosts/support/worker.ts";
import { endBySignal, endWithOpenStream, expectStream, leaveMidBody } from "./checks.ts";
import { type App, createApp, type Section } from "./run.ts";

const KEY = "sk-recipe-a-0123456789";
const SOON = 200;
/** `streaming.shutdownGrace` plus a margin, in ms. */
const GRACE = 7_000;

const INTRODUCTION: Section = ["docs/hosts.md", "## Before you paste"];
const onNode = (heading: string): Section[] => [INTRODUCTION, ["docs/hosts.md", heading]];

interface Host {
  sections: Section[];
  /** Folder under test/hosts/ with a runtime that npm does not install into the app; also its command. */
  runtime?: string;
  /** Replacements for packages; `""` installs nothing. */
  packages?: Record<string, string>;
  start?(app: App, upstream: Simulator): Promise<HostProcess>;
  /** True if the host handles SIGTERM. @default true */
  hasSignals?: boolean;
}

const HOSTS: Record<string, Host> = {
  "node:http": { sections: onNode("### node:http") },
  Express: { sections: onNode("### Express") },
  Fastify: { sections: onNode("### Fastify") },
  "h3 2": { sections: onNode("## h3 2") },
  "h3 1": { sections: onNode("## h3 1") },
  "h3 2 behind node:http": { sections: [INTRODUCTION, ["README.md", "## Other servers"]] },
  Hono: { sections: onNode("### Hono") },
  "Nitro 2": {
    sections: [
      INTRODUCTION,
      ["docs/hosts.md", "## Nitro and Nuxt"],
      ["docs/hosts.md", "### Nitro 2"],
    ],
  },
  Deno: { sections: onNode("## Deno"), runtime: "deno" },
  Bun: { sections: onNode("## Bun"), runtime: "bun" },
  "Cloudflare Workers": {
    sections: [["docs/hosts.md", "## Cloudflare Workers"]],
    runtime: "workerd",
    // workerd replaces wrangler.
    packages: { wrangler: "" },
    start: startWorker,
    hasSignals: false,
  },
};

/** Starts the Worker as wrangler would: in one module, with the variables of wrangler.jsonc and .dev.vars. */
async function startWorker({ folder }: App, upstream: Simulator): Promise<HostProcess> {
  const env = { UPSTREAM_BASE_URL: `${upstream.url}/v1`, KEY_A: KEY };
  const config = await bundleWorker(folder, join(folder, "worker.ts"), env);
  return startProcess({
    command: installedAt("workerd", ".bin/workerd"),
    args: (port) => ["serve", config, `-shttp=127.0.0.1:${port}`],
    cwd: folder,
  });
}

describe.each(Object.entries(HOSTS))("L12 docs/hosts.md word for word: %s", (name, setup) => {
  const { sections, runtime, packages, start, hasSignals = true } = setup;
  const isAbsent = runtime !== undefined && isNotInstalled(runtime, `.bin/${runtime}`);
  const programs = runtime ? { [runtime]: installedAt(runtime, `.bin/${runtime}`) } : {};
  const figures: string[] = [];
  let upstream: Simulator;
  let app: App;
  let host: HostProcess;

  const startHost = async (): Promise<HostProcess> =>
    (host = await (start ? start(app, upstream) : app.start({ KEY_A: KEY })));
  const note = (what: string, ms: number): void => void figures.push(`${what} ${ms.toFixed(0)} ms`);

  beforeAll(async () => {
    upstream = await createSimulator({ keys: { "team-a": KEY } });
    app = await createApp(sections, upstream, { packages, programs });
  });
  afterAll(async () => {
    await host?.stop();
    app?.remove();
    await upstream?.close();
    process.stdout.write(`${name}: ${figures.join(", ")}\n`);
  });

  it.skipIf(isAbsent)("L13 installs and builds without a key", () => app.prepare());

  it.skipIf(isAbsent)("streams to the byte", async () => {
    await startHost();
    await expectStream(`${host.url}/ai`, upstream);
    expect(upstream.ledger.last()!.credential).toBe("team-a");
  });

  it.skipIf(isAbsent)("closes the upstream when the client disconnects", async () => {
    const taken = await leaveMidBody(`${host.url}/ai`, upstream);
    note("client disconnected in mid-body", taken);
    expect(taken).toBeLessThan(SOON);
  });

  it.skipIf(isAbsent || !hasSignals)("ends an open stream with an error at SIGTERM", async () => {
    const taken = await endWithOpenStream(host, `${host.url}/ai`, upstream);
    note("SIGTERM with an open stream", taken);
    expect(taken).toBeLessThan(GRACE);
  });

  it.skipIf(isAbsent || !hasSignals)("ends at SIGTERM without an open stream", async () => {
    upstream.script();
    await startHost();
    await expectStream(`${host.url}/ai`, upstream);
    note("SIGTERM", await endBySignal(host));
  });
});
