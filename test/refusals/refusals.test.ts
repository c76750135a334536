import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { Dialect } from "../../src/contract/dialect.ts";
import { DIALECTS } from "../../src/dialects/builtin.ts";
import { classify } from "../../src/refusals/classify.ts";

interface Recorded {
  id: string;
  provider: string;
  endpoint: "ai" | "create" | "token";
  status: number;
  headers: Record<string, string>;
  contentType: string;
  body: string;
  inStream: boolean;
  requestModel: string | null;
  expect: {
    reason: string;
    scope: string;
    hintMs: number | null;
    retryable: string;
    disables: boolean;
    exhausts?: boolean;
    hintAt?: string;
  };
}

function load(name: string): Recorded[] {
  return JSON.parse(readFileSync(new URL(`../fixtures/${name}`, import.meta.url), "utf8"));
}

function dialectFor(provider: string): Dialect {
  if (provider.startsWith("anthropic")) return DIALECTS["anthropic"]!;
  if (/^(?:google|firebase)/.test(provider)) return DIALECTS["google"]!;
  return DIALECTS["openai"]!;
}

/** An hour before the stated reset, so that the wait until then is known. */
function receivedAtFor({ hintAt, hintMs }: Recorded["expect"]): number {
  return hintAt ? Date.parse(hintAt) - (hintMs ?? 3_600_000) : Date.UTC(2026, 0, 1);
}

function judged(recorded: Recorded): object {
  const headers: Record<string, string> = {
    "content-type": recorded.contentType,
    ...recorded.headers,
  };
  const verdict = classify(
    {
      status: recorded.status,
      header: (name) => headers[name],
      body: recorded.body,
      endpoint: recorded.endpoint,
      inStream: recorded.inStream,
      ...(recorded.requestModel === null ? {} : { model: recorded.requestModel }),
      receivedAt: receivedAtFor(recorded.expect),
    },
    dialectFor(recorded.provider),
  );
  const { reason, scope, hint, action, disables } = verdict;
  const exhausts = reason === "TOKEN_EXHAUSTED";
  return { reason, scope, hintMs: hint, retryable: action, disables, exhausts };
}

function expected({
  reason,
  scope,
  hintMs,
  retryable,
  disables,
  exhausts = false,
  hintAt,
}: Recorded["expect"]): object {
  return {
    reason,
    scope,
    hintMs: hintAt ? (hintMs ?? 3_600_000) : hintMs,
    retryable,
    disables,
    exhausts,
  };
}

describe.each(["refusals.json", "refusals-own.json", "refusals-more.json", "refusals-blind.json"])(
  "%s",
  (name) => {
    for (const recorded of load(name)) {
      it(`B1 B2 reads ${recorded.id} as ${recorded.expect.reason}`, () => {
        expect(judged(recorded)).toEqual(expected(recorded.expect));
      });
    }
  },
);
