/** The code in docs/hosts.md is that of examples/. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";

const root = new URL("../../", import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), "utf8");

const SHOWN: Record<string, string[]> = {
  next: ["lib/relay.ts", "app/ai/[...path]/route.ts", "instrumentation.ts"],
  hono: ["server.mjs"],
  sveltekit: ["src/routes/ai/[...path]/+server.ts"],
  "sveltekit-2": ["src/routes/ai/[...path]/+server.ts"],
  "tanstack-start": ["src/routes/ai.$.ts"],
  astro: ["src/pages/ai/[...path].ts"],
};

const SERVERS: Record<string, string[]> = {
  node: ["server.mjs"],
  express: ["server.mjs"],
  fastify: ["server.mjs"],
  h3: ["server.mjs"],
  "h3-v1": ["server.mjs"],
  deno: ["main.ts"],
  bun: ["main.ts"],
  cloudflare: ["worker.ts", "wrangler.jsonc"],
};

it.each(Object.entries({ ...SHOWN, ...SERVERS }))(
  "L9 docs/hosts.md shows the example for %s unchanged",
  (name, files) => {
    const docs = read("docs/hosts.md");
    for (const file of files) {
      const language = file.replace(/^.*\.m?/, "");
      expect(docs).toContain(
        `\`\`\`${language}\n// ${file}\n${read(`examples/${name}/${file}`)}\`\`\`\n`,
      );
    }
  },
);

it("L9 every example that uses createRelay has a long test, and its folder runs only in the long checks", () => {
  for (const name of Object.keys(SHOWN)) {
    const folder = name.replace(/^sveltekit$/, "sveltekit3").replace("-", "");
    expect(existsSync(new URL(`test/hosts/${folder}.long.test.ts`, root)), folder).toBe(true);
    expect(read(`test/hosts/${folder}/package.json`)).toContain('"h3-relay-check": "long"');
    const { dependencies } = JSON.parse(read(`test/hosts/${folder}/package.json`)) as {
      dependencies: Record<string, string>;
    };
    const example = JSON.parse(read(`examples/${name}/package.json`)) as Record<string, object>;
    const asked = { ...example["dependencies"], ...example["devDependencies"] };
    for (const [dependency, range] of Object.entries(asked))
      if (!dependency.startsWith("@types/")) expect(dependencies[dependency]).toBe(range);
  }
  expect(readdirSync(new URL("examples", root))).toEqual(
    expect.arrayContaining(Object.keys(SHOWN)),
  );
});
