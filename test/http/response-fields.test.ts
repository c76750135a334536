import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import {
  ResponseFields,
  STOPPED_FIELDS,
  STOPPED_PREFIXES,
} from "../../src/options/response-fields.ts";
import { toClientHeaders } from "../../src/http/headers.ts";
import { isPageType } from "../../src/shared/content-types.ts";

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), "utf8");
const registered = read("../fixtures/http-field-names.txt").trim().split("\n");
const docs = read("../../docs/security.md");
const defaults = new ResponseFields([], [], false);

function namesInTable(mark: string, cell: number): string[] {
  const [, table = ""] = docs.split(`<!-- response headers: ${mark} -->`);
  const rows = /(?:\|.*\n)+/.exec(table)![0].trim().split("\n").slice(2);
  return rows.flatMap((row) =>
    [...row.split("|")[cell]!.matchAll(/`([^`]+)`/g)].map((it) => it[1]!),
  );
}

it("N11 every registered field name is in the table of those that pass or of those that stop", () => {
  const pass = namesInTable("pass", 1);
  expect(registered.length).toBeGreaterThan(240);
  expect(registered.filter((name) => !defaults.stops(name)).toSorted()).toEqual(
    pass.filter((name) => registered.includes(name)).toSorted(),
  );
  expect(pass.filter((name) => defaults.stops(name))).toEqual([]);
});

it("N11 the table of names that stop is that of the code", () => {
  const all = Object.values(STOPPED_FIELDS).flat();
  expect(namesInTable("stop", 2).toSorted()).toEqual(all.toSorted());
  expect(new Set(all).size).toBe(all.length);
  expect(all.filter((name) => !defaults.stops(name))).toEqual([]);
  for (const prefix of STOPPED_PREFIXES) {
    expect(docs).toContain(`\`${prefix}\``);
    expect(defaults.stops(`${prefix}x`)).toBe(true);
  }
});

it("N11 names of vendors that official clients read pass in every dialect", () => {
  const names =
    `x-request-id request-id retry-after-ms x-should-retry openai-poll-after-ms openai-processing-ms openai-organization
    x-ratelimit-remaining-tokens x-ratelimit-reset-requests anthropic-workspace-id anthropic-organization-id
    anthropic-ratelimit-tokens-reset x-goog-upload-url x-goog-upload-status cf-ray`.split(/\s+/);
  expect(names.filter((name) => defaults.stops(name))).toEqual([]);
});

it("N11 the options add and remove names, in any case", () => {
  const rules = new ResponseFields(["Link", "X-Accel-Expires"], ["X-Request-Id", "etag"], false);
  const stops = (name: string): boolean => rules.stops(name);
  expect(["link", "x-accel-expires"].some(stops)).toBe(false);
  expect(["x-request-id", "etag", "x-accel-redirect"].every(stops)).toBe(true);
});

it("N11 behind `authorize` no option makes an answer public", () => {
  const rules = new ResponseFields(["cache-control", "expires", "age"], [], true);
  for (const name of ["cache-control", "expires", "age"]) expect(rules.stops(name)).toBe(true);
});

const replyOf = (headers: [string, string][]): Parameters<typeof toClientHeaders>[0] => ({
  get: (name) => headers.find(([one]) => one.toLowerCase() === name)?.[1],
  forEach: (visit) => headers.forEach(([name, value]) => visit(value, name)),
});

it.each([
  [undefined, "private, no-store"],
  ["public, max-age=60", "private, no-store"],
  ["max-age=60", "private, no-store"],
  ["private, max-age=60", "private, max-age=60"],
  ["No-Store", "No-Store"],
  ["private, s-maxage=60", "private, no-store"],
  ["private, immutable", "private, no-store"],
  ['private="set-cookie", max-age=60', "private, no-store"],
  ["no-store, PUBLIC", "private, no-store"],
])("N11 behind `authorize` the cache-control %s becomes %s", (given, expected) => {
  const headers: [string, string][] = given === undefined ? [] : [["cache-control", given]];
  const rules = new ResponseFields([], [], true);
  const passed = toClientHeaders(replyOf(headers), rules, new Set());
  expect(passed.filter(([name]) => name === "cache-control")).toEqual([
    ["cache-control", expected],
  ]);
});

const PAGES = [
  undefined,
  "text/html",
  "text/html;charset=utf-8",
  " Text/HTML ; charset=x",
  "application/xhtml+xml",
  "image/svg+xml",
  "text/xml",
  "application/xml",
  "application/rss+xml; a=b",
  "text/xsl",
  "multipart/x-mixed-replace; boundary=a",
  "application/json, text/html",
  "",
  "nonsense",
  "*/*",
  "unknown/unknown",
  "application/unknown",
];
it.each(PAGES)("N11 %s is a page", (type) => expect(isPageType(type)).toBe(true));

it.each([
  "application/json",
  "application/json; charset=utf-8",
  "text/event-stream",
  "text/plain",
  "audio/mpeg",
  "image/png",
  "application/octet-stream",
  "application/pdf",
  "application/problem+json",
  "text/csv",
])("N11 %s is not a page", (type) => expect(isPageType(type)).toBe(false));
