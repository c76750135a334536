// Size of the package: each entry as a user's bundler would pack it, and the composition of the core.
//
// What would falsify the result: a minifier that does not rename (this one does), and dependencies, which are left out; the transport is
// counted with no entry, because each host uses its own.
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { rolldown } from "rolldown";
import { printTable } from "../lib/figures.mjs";

const SOURCES = new URL("../../", import.meta.url);
const ENTRIES = {
  "h3-relay": "src/index.ts",
  "h3-relay/node": "adapters/node.ts",
  "h3-relay/h3-v1": "adapters/h3-v1.ts",
  "h3-relay/nitro": "adapters/nitro.ts",
  "h3-relay/nuxt": "adapters/nuxt.ts",
  "h3-relay/deno": "adapters/deno.ts",
  "h3-relay/bun": "adapters/bun.ts",
  "h3-relay/cloudflare": "adapters/cloudflare.ts",
};

export async function run() {
  const entries = [];
  for (const [name, file] of Object.entries(ENTRIES)) {
    const { minified, gzip } = await pack(file);
    entries.push({ name, minified, gzip });
  }
  printTable(
    "Size of each entry without dependencies, KB (goal for the core: ≤ 25 gzip)",
    ["entry", "minified", "gzip"],
    entries.map(({ name, minified, gzip }) => [name, kb(minified), kb(gzip)]),
  );
  const parts = await weighParts();
  printTable(
    "Where the core's weight lies, KB before minifying",
    ["part", "code", "share"],
    parts.map(({ part, code, share }) => [part, kb(code), `${(100 * share).toFixed(0)} %`]),
  );
  return { entries, parts };
}

async function pack(file) {
  const { output } = await generate(file, { minify: true });
  const code = output.map(({ code: one = "" }) => one).join("");
  return { minified: code.length, gzip: gzipSync(code, { level: 9 }).length };
}

async function weighParts() {
  const { output } = await generate("src/index.ts", { comments: false });
  const modules = output.flatMap(({ modules: found = {} }) => Object.entries(found));
  const sizes = new Map();
  let whole = 0;
  for (const [id, { code }] of modules) {
    const [, path = ""] = /\/src\/(.*)$/.exec(id) ?? [];
    const part = path.includes("/") ? `src/${path.slice(0, path.indexOf("/"))}` : "src/*.ts";
    const length = code?.length ?? 0;
    sizes.set(part, (sizes.get(part) ?? 0) + length);
    whole += length;
  }
  return [...sizes]
    .map(([part, code]) => ({ part, code, share: code / whole }))
    .toSorted((a, b) => b.code - a.code);
}

async function generate(file, options) {
  const isOurs = (id) => id.startsWith(".") || id.startsWith("/");
  const bundle = await rolldown({
    input: fileURLToPath(new URL(file, SOURCES)),
    external: (id) => !isOurs(id),
  });
  return bundle.generate({ format: "esm", ...options });
}

function kb(bytes) {
  return (bytes / 1_024).toFixed(1);
}
