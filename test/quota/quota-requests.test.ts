import { describe, expect, it } from "vitest";
import type { QuotaQuestion, QuotaSource } from "../../src/contract/quota-source.ts";
import { QuotaRequests } from "../../src/quota/quota-requests.ts";
import { createVirtualClock, type VirtualClock } from "../support/virtual-clock.ts";

interface Bench {
  clock: VirtualClock;
  requests: QuotaRequests;
  lines: string[];
  /** The questions of all calls, in order. */
  questions: QuotaQuestion[];
  /** A source that records its calls and answers with `answer`. */
  source(answer: QuotaSource): QuotaSource;
}

function createBench(): Bench {
  const clock = createVirtualClock();
  const lines: string[] = [];
  const questions: QuotaQuestion[] = [];
  const requests = new QuotaRequests({
    clock,
    fetch,
    getSecret: (credential) => (credential === "none" ? undefined : `sk-${credential}`),
    warn: (line) => void lines.push(line),
  });
  const source: Bench["source"] = (answer) => (question) => {
    questions.push(question);
    return answer(question);
  };
  return { clock, requests, lines, questions, source };
}

const silent: QuotaSource = () => new Promise(() => {});

describe("quota requests", () => {
  it("A9 pass the credential, its secret and the model to the source", async () => {
    const { requests, questions, source } = createBench();
    const answer = { remaining: 0.5 };
    expect(
      await requests.request(
        source(async () => answer),
        "a",
        "m",
      ),
    ).toBe(answer);
    expect(questions).toEqual([
      expect.objectContaining({ credential: "a", secret: "sk-a", model: "m" }),
    ]);
  });

  it("A16 join the call under way for the same credential and model, and no other", async () => {
    const { requests, questions, source, clock } = createBench();
    const asking = source(async () => ({ remaining: 1 }));
    await Promise.all([
      requests.request(asking, "a", "m"),
      requests.request(asking, "a", "m"),
      requests.request(asking, "a", undefined),
      requests.request(asking, "b", "m"),
    ]);
    expect(questions).toHaveLength(3);
    await requests.request(asking, "a", "m");
    expect(questions).toHaveLength(4);
    expect(clock.pending()).toBe(0);
  });

  it("A9 end after 10 s, whether or not the source listens to its signal", async () => {
    const { requests, questions, source, clock, lines } = createBench();
    let answer: unknown = "waiting";
    void requests.request(source(silent), "a", "m").then((it) => (answer = it));
    await clock.advance(9_999);
    expect(answer).toBe("waiting");
    await clock.advance(1);
    expect([answer, questions[0]!.signal.aborted, lines]).toEqual([undefined, true, []]);
  });

  it("A9 call no source without a secret, and none after `stop`, which aborts the others", async () => {
    const { requests, questions, source, clock } = createBench();
    expect(await requests.request(source(silent), "none", "m")).toBeUndefined();
    expect(await requests.request(undefined, "a", "m")).toBeUndefined();
    const running = requests.request(source(silent), "a", "m");
    await clock.settle();
    requests.stop();
    expect(await running).toBeUndefined();
    expect(await requests.request(source(silent), "b", "m")).toBeUndefined();
    expect(questions.map(({ credential }) => credential)).toEqual(["a"]);
    expect(clock.pending()).toBe(0);
  });

  it("A9 J7 log a failed source without its message, and go on", async () => {
    const { requests, source, lines } = createBench();
    const failing = source(() => {
      throw new TypeError("sk-a was refused");
    });
    expect(await requests.request(failing, "a", "m")).toBeUndefined();
    expect(lines).toEqual([expect.stringMatching(/^the quota of a could not be read: TypeError/)]);
    expect(lines[0]).not.toContain("sk-a");
    expect(
      await requests.request(
        source(async () => ({ remaining: 1 })),
        "a",
        "m",
      ),
    ).toEqual({
      remaining: 1,
    });
  });
});
