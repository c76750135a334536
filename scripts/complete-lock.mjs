// `node scripts/complete-lock.mjs [folder]`: adds the optional packages of other platforms to a lockfile. npm leaves them out
// where it cannot read them at the time of installing, and then refuses its own lockfile in `npm ci`.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const path = join(process.argv[2] ?? ".", "package-lock.json");
const lock = JSON.parse(readFileSync(path, "utf8"));
const CPUS = /-(arm64|arm|x64|ia32|ppc64|riscv64|s390x|loong64|wasm32)(?=-|$)/;
const SYSTEMS = /-(android|darwin|freebsd|linux|netbsd|openbsd|openharmony|sunos|win32|aix)(?=-|$)/;

let added = 0;
for (const [parent, { optionalDependencies = {}, dev }] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(optionalDependencies)) {
    // Bindings are asked for in one exact version; ranges are none of these.
    if (!/^\d/.test(version) || isThere(parent, name, version)) continue;
    const place = lock.packages[`node_modules/${name}`]
      ? `${parent}/node_modules/${name}`
      : `node_modules/${name}`;
    lock.packages[place] = { version, ...platformOf(name), ...(dev && { dev }), optional: true };
    added++;
  }
}
const [root, ...rest] = Object.entries(lock.packages);
lock.packages = Object.fromEntries([
  root,
  ...rest.toSorted(([a], [b]) => a.localeCompare(b, "en")),
]);
writeFileSync(path, `${JSON.stringify(lock, undefined, 2)}\n`);
console.log(`${path}: ${added} added`);

/** Looks where Node would look: beside the package, then further out. */
function isThere(parent, name, version) {
  return (
    lock.packages[`${parent}/node_modules/${name}`]?.version === version ||
    lock.packages[`node_modules/${name}`]?.version === version
  );
}

function platformOf(name) {
  const [, cpu] = CPUS.exec(name) ?? [];
  const [, os] = SYSTEMS.exec(name) ?? [];
  const libc = name.endsWith("-musl") ? "musl" : name.endsWith("-gnu") ? "glibc" : undefined;
  return {
    ...(cpu && { cpu: [cpu] }),
    ...(os && { os: [os] }),
    ...(os === "linux" && libc && { libc: [libc] }),
  };
}
