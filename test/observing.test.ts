/** Compares docs/observing.md with the types that it describes, and the types with the data of a running relay. */
import { readdirSync, readFileSync } from "node:fs";
import ts from "typescript";
import { afterEach, describe, expect, it } from "vitest";
import type { HookName } from "../src/observe/hooks.ts";
import { type RelayUnderTest, secretOf, startRelay } from "./support/relay.ts";
import { patiently } from "./support/streaming.ts";

const root = new URL("..", import.meta.url);
const text = readFileSync(new URL("docs/observing.md", root), "utf8");

interface Row {
  name: string;
  type: string;
  meaning: string;
}

/** Every interface and every string union of the contract, by name. */
const declared = new Map<string, ts.InterfaceDeclaration | ts.TypeAliasDeclaration>();
const files = readdirSync(new URL("src/contract", root)).map((name) => `src/contract/${name}`);
for (const file of [...files, "src/observe/hooks.ts"]) {
  const source = readFileSync(new URL(file, root), "utf8");
  ts.createSourceFile(file, source, ts.ScriptTarget.Latest, true).forEachChild((node) => {
    if (ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node))
      declared.set(node.name.text, node);
  });
}

function commentOf(node: ts.Node): string {
  const [first] = ts.getJSDocCommentsAndTags(node);
  return typeof first?.comment === "string" ? first.comment.replace(/\s+/g, " ") : "";
}

function rowsOf(node: ts.InterfaceDeclaration): Row[] {
  return node.members.filter(ts.isPropertySignature).map((field) => ({
    name: field.name.getText(),
    type: field.type!.getText().replace(/\s+/g, " ") + (field.questionToken ? " | undefined" : ""),
    meaning: commentOf(field),
  }));
}

/** Interfaces that the page shows, with their rows and units. */
const shown = new Map(
  [...text.matchAll(/^### `(\w+)`\n([^]*?)(?=^##|(?![^]))/gm)].map(([, name, section]) => [
    name!,
    [...section!.matchAll(/^\| `(\w+)` \| `(.+?)` \|(.*?)\| (.+) \|$/gm)].map(
      ([, field, type, unit, meaning]) => ({
        name: field!,
        type: type!.replaceAll("\\|", "|"),
        unit: unit!.trim(),
        meaning: meaning!,
      }),
    ),
  ]),
);
const isPoint = (name: string): boolean => /(?:At|Until)$|^at$/.test(name);

describe("docs/observing.md", () => {
  it.each([...shown])(
    "J2 J4 J8 lists every field of %s with its type and comment",
    (title, rows) => {
      const node = declared.get(title)!;
      if (ts.isTypeAliasDeclaration(node)) return expect(rows).toEqual([]);
      const fields = rows.map(({ name, type, meaning }) => ({ name, type, meaning }));
      expect(fields).toEqual(rowsOf(node));
      for (const { meaning } of rows) expect(meaning).not.toBe("");
    },
  );

  it("J2 J4 J8 describes every type of the status, the hooks and a decision", () => {
    const seen = new Set<string>();
    const words = new Set([...text.matchAll(/^\| `([A-Z]\w+)` \| `/gm)].map(([, name]) => name!));
    const visit = (name: string): void => {
      const node = declared.get(name);
      if (!node || seen.has(name)) return;
      seen.add(name);
      const isWords = ts.isTypeAliasDeclaration(node) && ts.isUnionTypeNode(node.type);
      expect(isWords ? words : [...shown.keys()], name).toContain(name);
      for (const [inner] of node.getText().matchAll(/\b[A-Z]\w+\b/g)) visit(inner);
    };
    for (const name of ["RelayStatus", "RelayHooks", "RouteDecision"]) visit(name);
    expect(seen.size).toBeGreaterThan(30);
  });

  it("J2 J8 lists the values of each string union", () => {
    for (const [, name, values] of text.matchAll(/^\| `([A-Z]\w+)` \| (`.*`) \|$/gm)) {
      const node = declared.get(name!)!;
      const known = [...node.getText().matchAll(/"([^"]+)"/g)].map(([, word]) => `\`${word}\``);
      expect(values, name).toBe(known.join(", "));
    }
  });

  it("J2 J4 J8 uses one spelling, and gives the unit of each number and each point in time", () => {
    for (const [name, rows] of shown)
      for (const { name: field, type, unit, meaning } of rows) {
        const where = `${name}.${field}`;
        expect(field, where).toMatch(/^[a-z][a-zA-Z]*$/);
        expect(unit === "ISO UTC", where).toBe(isPoint(field));
        if (isPoint(field)) expect(meaning, where).toContain("ISO UTC");
        if (unit === "ms") expect(meaning, where).toMatch(/\bms\b/);
        expect(unit === "s", where).toBe(field === "retryAfter");
        if (unit === "s") expect(meaning, where).toContain("Seconds");
        if (/^number\b/.test(type) && field !== "tier" && field !== "status")
          expect(unit, where).not.toBe("");
      }
  });
});

let relay: RelayUnderTest;
afterEach(() => relay?.close());

/** Every field in a value, with its path. */
function* fieldsOf(
  value: unknown,
  path = "",
): Generator<[path: string, name: string, value: unknown]> {
  if (typeof value !== "object" || value === null) return;
  for (const [name, inner] of Object.entries(value)) {
    if (!Array.isArray(value)) yield [`${path}.${name}`, name, inner];
    yield* fieldsOf(inner, `${path}.${name}`);
  }
}

function expectShape(value: unknown): void {
  for (const [path, name, inner] of fieldsOf(value)) {
    expect(name, path).toMatch(/^[a-z][a-zA-Z]*$/);
    if (isPoint(name) && inner !== undefined)
      expect(inner, path).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    // A larger number would be a time since the epoch.
    if (typeof inner === "number") expect(inner, path).toBeLessThan(1e10);
    if (name === "tier") expect(inner, path).toMatch(/^(?:first|second)$/);
  }
}

it("J2 J4 J8 a busy relay reports in one spelling, with tiers by name", async () => {
  const events: Partial<Record<HookName, object>> = {};
  const keep =
    (name: HookName) =>
    (event: object): void =>
      void (events[name] = event);
  const keys = Object.fromEntries(["c1", "c2", "late"].map((id) => [id, secretOf(id)]));
  relay = await startRelay({
    simulator: { keys },
    tiers: ["first", "second"],
    credentials: [
      { id: "c1", apiKey: secretOf("c1"), tier: "first" },
      { id: "c2", apiKey: secretOf("c2"), tier: "second" },
      { id: "late", token: () => ({ accessToken: secretOf("late"), expiresIn: 60 }), tier: 1 },
      {
        id: "guests",
        anonymous: () => Promise.reject(new Error("no")),
        tier: "second",
        models: { allow: ["other"] },
      },
    ],
    limits: { circuitAfter: 1, maxAttempts: 2 },
    hooks: {
      attempt: keep("attempt"),
      cooldown: keep("cooldown"),
      rotation: keep("rotation"),
      credential: keep("credential"),
      route: keep("route"),
      refresh: keep("refresh"),
      end: keep("end"),
    },
  });
  const say = async (): Promise<void> => void (await (await relay.chat()).arrayBuffer());
  relay.upstream.script({
    when: { credential: "c1" },
    then: { refuse: { kind: "rate-limit", wait: 18_347_000 } },
  });
  await say();
  relay.relay.credentials.disable("c2");
  relay.upstream.script();
  await say();
  relay.upstream.script({ then: { cut: "before-headers" } });
  await patiently(relay, say());
  await relay.ended(3);
  const status = relay.relay.status();
  const decisions = relay.relay.explain({
    path: "/chat/completions",
    body: { model: "gpt-4o", stream: true, messages: [] },
  });
  for (const told of [status, decisions, events]) {
    expectShape(told);
    expectShape(JSON.parse(JSON.stringify(told)));
  }
  expect(Object.keys(events).toSorted()).toEqual(
    ["attempt", "cooldown", "credential", "end", "refresh", "rotation", "route"].toSorted(),
  );
  expect(status.cooldowns).toMatchObject([
    {
      credential: "c1",
      scope: "model",
      statedByUpstream: true,
      expiresAt: "2026-01-01T05:05:47.000Z",
    },
  ]);
  const { retryAfter, ...cooldown } = events.cooldown as (typeof status.cooldowns)[number];
  expect(status.cooldowns).toMatchObject([cooldown]);
  expect(retryAfter).toBe(18_347);
  expect(status.circuits).toHaveLength(1);
  expect(decisions[0]).toMatchObject({ closed: { why: "down" } });
  expect(decisions[0]!.candidates.find(({ credential }) => credential === "c1")).toMatchObject({
    tier: "first",
    skipped: { why: "cooling", scope: "model", expiresAt: "2026-01-01T05:05:47.000Z" },
  });
  expect(status.credentials.map(({ tier }) => tier)).toEqual(["first", "second", "second"]);
  expect(status.acquirers).toMatchObject([{ id: "guests", tier: "second" }]);
});

it("J2 shows tiers by number if they have no names, and a valid expiry whatever the token source returns", async () => {
  relay = await startRelay({
    credentials: [
      { id: "c1", token: () => ({ accessToken: "a-token", expiresAt: 1e300 }), tier: 3 },
    ],
  });
  await (await relay.chat()).arrayBuffer();
  const [credential] = relay.relay.status().credentials;
  expect(credential).toMatchObject({
    tier: 3,
    token: { expiresAt: "9999-12-31T23:59:59.999Z" },
  });
});
