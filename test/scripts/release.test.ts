import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  levelOf,
  nextVersion,
  releaseChangelog,
  setVersion,
  unreleasedOf,
} from "../../scripts/release.mjs";

const read = (path: string): string =>
  readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");

const CHANGELOG = `# Changelog

## Unreleased

### 🚀 Enhancements

- **pool:** Something new

## v0.1.0

- The beginning
`;

describe("the next version", () => {
  it.each([
    ["0.1.0", "patch", "0.1.1"],
    ["0.1.9", "minor", "0.2.0"],
    ["0.9.9", "major", "1.0.0"],
    ["1.2.3", "1.10.0", "1.10.0"],
  ])("of %s with %s is %s", (version, change, expected) => {
    expect(nextVersion(version, change)).toBe(expected);
  });

  it.each(["1.2.3", "1.2.2", "1.1.9", "0.9.9"])("is never %s after 1.2.3", (change) => {
    expect(() => nextVersion("1.2.3", change)).toThrow(
      `${change} is not higher than the present version 1.2.3.`,
    );
  });

  it.each(["huge", "1.2", "v1.2.4", "1.2.4-beta"])("is not derived from %s", (change) => {
    expect(() => nextVersion("1.2.3", change)).toThrow(/is neither patch, minor, major nor/);
  });
});

it.each([
  ["Breaking changes", "0.1.0", "minor"],
  ["Enhancements", "0.1.0", "patch"],
  ["Breaking changes", "1.0.0", "major"],
  ["Enhancements", "1.0.0", "minor"],
  ["Fixes", "1.0.0", "patch"],
])("the level of %s after %s is %s", (heading, version, level) => {
  expect(levelOf(`### 🔥 ${heading}\n\n- A change`, version)).toBe(level);
});

describe("the changelog", () => {
  it("moves the changes below the version and keeps everything else", () => {
    const released = releaseChangelog(CHANGELOG, "0.2.0", "2026-01-31");
    expect(released).toBe(
      CHANGELOG.replace("## Unreleased\n", "## Unreleased\n\n## v0.2.0 (2026-01-31)\n"),
    );
    expect(() => unreleasedOf(released)).toThrow("lists no change");
  });

  it("refuses a version that it has, and an Unreleased without changes", () => {
    expect(() => releaseChangelog(CHANGELOG, "0.1.0", "2026-01-31")).toThrow(
      "already has a heading for v0.1.0",
    );
    expect(() => unreleasedOf("# Changelog\n")).toThrow("no heading");
    expect(() => unreleasedOf("## Unreleased\n\n## v0.1.0\n\n- Old\n")).toThrow("lists no change");
  });

  it("of this repository can be released", () => {
    // Directly after a release, nothing is unreleased.
    const changelog = read("CHANGELOG.md").replace(
      "## Unreleased\n",
      "## Unreleased\n\n### 🩹 Fixes\n\n- A fix\n",
    );
    const changes = unreleasedOf(changelog);
    expect(changes).toContain("### ");
    expect(changes).not.toMatch(/^## /m);
    expect(releaseChangelog(changelog, "99.0.0", "2026-01-31")).toContain(
      "## v99.0.0 (2026-01-31)\n\n### ",
    );
  });
});

describe("the version in a file", () => {
  it.each([
    ["package.json", 1],
    ["package-lock.json", 2],
  ])("changes in %s in %i lines and nowhere else", (path, lines) => {
    const text = read(path);
    const { version } = JSON.parse(text) as { version: string };
    const changed = setVersion(text, version, "99.0.0");
    const before = text.split("\n");
    const after = changed.split("\n");
    expect(after).toHaveLength(before.length);
    expect(after.filter((line, index) => line !== before[index])).toHaveLength(lines);
    const { version: first, packages } = JSON.parse(changed) as {
      version: string;
      packages?: Record<string, { version: string }>;
    };
    expect(first).toBe("99.0.0");
    expect(packages?.[""]?.version ?? "99.0.0").toBe("99.0.0");
  });

  it("of a dependency with the same version stays", () => {
    const lock = (version: string): string =>
      JSON.stringify(
        {
          version,
          packages: { "": { version }, "node_modules/other": { version: "0.1.0" } },
        },
        undefined,
        2,
      );
    expect(setVersion(lock("0.1.0"), "0.1.0", "0.2.0")).toBe(lock("0.2.0"));
  });

  it("is not changed if it differs from the expected one", () => {
    expect(() => setVersion('{ "version": "1.0.0" }', "1.0.1", "1.0.2")).toThrow(
      "The version is 1.0.0, expected 1.0.1.",
    );
  });
});
