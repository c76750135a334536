// `npm run release -- [patch | minor | major | x.y.z] [--yes]`: prepares a release. Without `--yes` it changes no tracked file and prints what it
// would do. It never publishes: the tag's CI run does (see PUBLISH), since only a CI job can prove where a package was built.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const root = fileURLToPath(new URL("..", import.meta.url));
const BRANCH = "main";
const LEVELS = ["patch", "minor", "major"];
/** The command for the CI job of the tag. It needs `permissions: id-token: write` and a token, or npm's trusted publishing. */
const PUBLISH = "npm publish --provenance --access public";

/** Returns the next version. `change` is a level or a version, which must be higher than the present one. */
export function nextVersion(version, change) {
  const [major, minor, patch] = toNumbers(version);
  if (change === "major") return `${major + 1}.0.0`;
  if (change === "minor") return `${major}.${minor + 1}.0`;
  if (change === "patch") return `${major}.${minor}.${patch + 1}`;
  if (!isHigher(toNumbers(change), [major, minor, patch]))
    throw new Error(`${change} is not higher than the present version ${version}.`);
  return change;
}

/** Returns the level that the changes need. Before 1.0.0 a breaking change needs a minor version, everything else a patch. */
export function levelOf(changes, version) {
  const isBreaking = /^### .*Breaking changes$/m.test(changes);
  const isFeature = /^### .*Enhancements$/m.test(changes);
  if (toNumbers(version)[0] === 0) return isBreaking ? "minor" : "patch";
  return isBreaking ? "major" : isFeature ? "minor" : "patch";
}

/** Returns the text under "Unreleased", without its heading. Throws if the heading is missing or nothing is under it. */
export function unreleasedOf(changelog) {
  const [, changes] = /^## Unreleased\n([^]*?)(?=^## |(?![^]))/m.exec(changelog) ?? [];
  if (changes === undefined) throw new Error('CHANGELOG.md has no heading "## Unreleased".');
  if (!/^- /m.test(changes)) throw new Error('CHANGELOG.md lists no change under "## Unreleased".');
  return changes.trim();
}

/** Moves the changes under "Unreleased" below a heading with the version and the date (`2026-01-31`). */
export function releaseChangelog(changelog, version, date) {
  unreleasedOf(changelog);
  if (new RegExp(`^## v${version.replaceAll(".", "\\.")}(?![\\d.])`, "m").test(changelog))
    throw new Error(`CHANGELOG.md already has a heading for v${version}.`);
  return changelog.replace(/^## Unreleased\n/m, `## Unreleased\n\n## v${version} (${date})\n`);
}

/** Sets the version in the text of package.json or package-lock.json, and changes nothing else. */
export function setVersion(text, from, to) {
  const { version, packages } = JSON.parse(text);
  if (version !== from) throw new Error(`The version is ${version}, expected ${from}.`);
  // The version of the package itself: once in package.json, twice at the head of package-lock.json.
  let left = packages ? 2 : 1;
  return text.replaceAll(`"version": "${from}"`, (match) =>
    left-- > 0 ? `"version": "${to}"` : match,
  );
}

function toNumbers(version) {
  const [, ...numbers] = /^(\d+)\.(\d+)\.(\d+)$/.exec(version) ?? [];
  if (numbers.length === 0)
    throw new Error(`"${version}" is neither ${LEVELS.join(", ")} nor a version such as 1.2.3.`);
  return numbers.map(Number);
}

function isHigher(numbers, others) {
  const index = numbers.findIndex((number, at) => number !== others[at]);
  return index >= 0 && numbers[index] > others[index];
}

const read = (path) => readFileSync(join(root, path), "utf8");
const git = (...args) => execFileSync("git", args, { cwd: root, encoding: "utf8" }).trim();

function run(command, ...args) {
  console.log(`\n── ${[command, ...args].join(" ")}`);
  const { status } = spawnSync(command, args, { cwd: root, stdio: "inherit" });
  return status === 0 ? [] : [`\`${[command, ...args].join(" ")}\` failed.`];
}

/** What git has against a release; empty if there is nothing. */
function checkRepository(tag) {
  const problems = [];
  const branch = git("rev-parse", "--abbrev-ref", "HEAD");
  if (branch !== BRANCH) problems.push(`The branch is ${branch}, not ${BRANCH}.`);
  if (git("status", "--porcelain") !== "")
    problems.push("The tree has uncommitted or untracked files.");
  if (git("tag", "--list", tag) !== "") problems.push(`The tag ${tag} already exists.`);
  return problems;
}

function checkPackage() {
  const folder = mkdtempSync(join(tmpdir(), "h3-relay-release-"));
  try {
    const packing = run("npm", "pack", "--silent", "--pack-destination", folder);
    if (packing.length > 0) return packing;
    const tarball = join(folder, readdirSync(folder)[0]);
    return [
      ...run("npx", "--no-install", "publint", "run", "--strict", tarball),
      ...run("npx", "--no-install", "attw", tarball, "--profile", "esm-only", "--no-color"),
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Runs every check and returns the problems that they found. `npm pack` builds the package first. */
function check(tag) {
  const problems = [
    ...checkRepository(tag),
    ...run("npm", "run", "--silent", "lint"),
    ...run("npm", "run", "--silent", "typecheck"),
    ...checkPackage(),
  ];
  // npm accepts `--provenance` outside of CI in a dry run only.
  return [
    ...problems,
    ...run("npm", "publish", "--ignore-scripts", "--provenance", "--dry-run", "--loglevel=error"),
  ];
}

function release({ version, next, changelog }) {
  for (const path of ["package.json", "package-lock.json"])
    writeFileSync(join(root, path), setVersion(read(path), version, next));
  writeFileSync(join(root, "CHANGELOG.md"), changelog);
  git("add", "package.json", "package-lock.json", "CHANGELOG.md");
  git("commit", "--message", `chore(release): v${next}`);
  git("tag", "--annotate", `v${next}`, "--message", `v${next}`);
}

function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { yes: { type: "boolean", default: false } },
  });
  const { version } = JSON.parse(read("package.json"));
  const changes = unreleasedOf(read("CHANGELOG.md"));
  const change = positionals[0] ?? levelOf(changes, version);
  const next = nextVersion(version, change);
  const date = new Date().toISOString().slice(0, 10);
  const changelog = releaseChangelog(read("CHANGELOG.md"), next, date);

  const problems = check(`v${next}`);
  console.log(`\n── Release v${next} (from ${version}, ${change}), ${date}\n\n${changes}\n`);
  for (const problem of problems) console.log(`problem: ${problem}`);
  if (problems.length > 0) process.exitCode = 1;
  if (values.yes && problems.length === 0) {
    release({ version, next, changelog });
    console.log(`Committed and tagged v${next}. Push both: git push --follow-tags`);
  } else {
    console.log(
      `Nothing was changed. ${values.yes ? "Fix the problems first." : "With --yes and without problems, this would:"}
  set the version in package.json and package-lock.json to ${next}
  move the changes above to "## v${next} (${date})" in CHANGELOG.md
  commit "chore(release): v${next}" and tag v${next}`,
    );
  }
  console.log(`The CI job of the tag publishes with: ${PUBLISH}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    main();
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}
