import { expect, it } from "vitest";
import type { Target } from "../../src/contract/target.ts";
import { VerdictApplier } from "../../src/cooldowns/apply-verdict.ts";
import { Cooldowns } from "../../src/cooldowns/cooldowns.ts";
import { DisabledCredentials } from "../../src/cooldowns/disabled-credentials.ts";
import { DIALECTS } from "../../src/dialects/builtin.ts";
import { classify } from "../../src/refusals/classify.ts";
import { createVirtualClock, type VirtualClock } from "../support/virtual-clock.ts";

const dialect = DIALECTS["openai"]!;

function targetOf(model: string): Target {
  return {
    upstream: "acme",
    dialect,
    pool: "main",
    model,
    family: model,
    endpoints: [],
    headers: {},
    secrets: [],
    passHeaders: [],
    responseFields: { isPrivate: false, stops: () => false },
  };
}

function createBench(): {
  clock: VirtualClock;
  lines: string[];
  changed: string[];
  refuse(requestId: string, credential: string, status: number, model?: string): void;
  serve(requestId: string, credential: string, sentAt: number, model?: string): void;
  closed(): string[];
} {
  const clock = createVirtualClock();
  const cooldowns = new Cooldowns();
  const lines: string[] = [];
  const changed: string[] = [];
  const say = (line: string): void => void lines.push(line);
  const verdicts = new VerdictApplier({
    cooldowns,
    disabled: new DisabledCredentials(() => {}),
    limits: { hintMultiplier: 1, jitter: 0, disableOn: [] },
    hooks: { has: () => false, emit: () => {} },
    reporter: { info: say, warn: say },
    clock,
    random: () => 0,
    hasOnePool: () => true,
    onChanged: ({ key }) => void changed.push(`${key.credential} ${key.family}`),
    resetOf: () => undefined,
    isRenewable: () => false,
  });
  /** Applies a refusal without a stated wait. */
  const refuse = (requestId: string, credential: string, status: number, model = "m"): void => {
    const verdict = classify(
      {
        status,
        header: () => undefined,
        body: JSON.stringify({
          error: {
            message: status === 402 ? "Insufficient balance." : "Too many tokens per minute.",
          },
        }),
        endpoint: "ai",
        inStream: false,
        receivedAt: clock.now(),
      },
      dialect,
    );
    const target = targetOf(model);
    verdicts.apply({ requestId, credential, target, verdict, sentAt: clock.now() });
  };
  const serve = (requestId: string, credential: string, sentAt: number, model = "m"): void =>
    verdicts.succeeded({ requestId, credential, target: targetOf(model), sentAt, also: [] });
  const closed = (): string[] =>
    Array.from(cooldowns.all(clock.now()), ({ key }) => `${key.credential} ${key.family}`);
  return { clock, lines, changed, refuse, serve, closed };
}

it("D11 opens credentials that serve a later request of the same model after both refused one request", async () => {
  const { clock, lines, changed, refuse, serve, closed } = createBench();
  refuse("poison", "c1", 429);
  const between = clock.now() + 1;
  await clock.advance(2);
  refuse("poison", "c2", 429);
  expect(closed()).toEqual(["c1 m", "c2 m"]);
  // Sent before the cooldown was known, answered after it.
  serve("good-1", "c1", between);
  expect(closed()).toEqual(["c2 m"]);
  await clock.advance(2);
  serve("good-2", "c2", clock.now());
  expect(closed()).toEqual([]);
  expect(changed.slice(2)).toContain("c2 m");
  expect(lines.at(-1)).toContain("what closed");
});

it("D11 narrows credentials that were closed for every model to the refused one if they serve other models", async () => {
  const { clock, lines, refuse, serve, closed } = createBench();
  refuse("poison", "c1", 402);
  refuse("poison", "c2", 402);
  expect(closed()).toEqual(["c1 *", "c2 *"]);
  await clock.advance(1);
  serve("good-1", "c1", clock.now(), "other");
  expect(closed()).toEqual(["c1 *", "c2 *"]);
  serve("good-2", "c2", clock.now(), "other");
  expect(closed()).toEqual(["c1 m", "c2 m"]);
  expect(lines.at(-1)).toContain("what closed c1, c2 is undone: BILLING came to request poison");
  expect(lines.at(-1)).toContain("other models than m");
});
