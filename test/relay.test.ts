import { afterEach, expect, it } from "vitest";
import { type RelayUnderTest, startRelay } from "./support/relay.ts";

let it_: RelayUnderTest | undefined;
afterEach(() => it_?.close());

it("I11 L1 streams through an h3 2 handler unchanged", async () => {
  it_ = await startRelay();
  const response = await it_.chat();
  const body = Buffer.from(await response.arrayBuffer());
  expect(response.status).toBe(200);
  expect(body.equals(it_.upstream.ledger.last()!.sent!)).toBe(true);
  expect(await it_.ended()).toMatchObject({
    reason: "completed",
    attempts: 1,
    clientPresent: true,
    status: 200,
  });
});

it("C8 D7 switches to the next credential at once when one is limited", async () => {
  it_ = await startRelay();
  it_.upstream.script({
    when: { credential: "c1" },
    then: { refuse: { kind: "rate-limit", wait: 30_000 } },
  });
  expect((await it_.chat()).status).toBe(200);
  expect((await it_.chat()).status).toBe(200);
  await it_.ended(2);
  expect(it_.upstream.ledger.calls.map(({ credential }) => credential)).toEqual(["c1", "c2", "c2"]);
  expect(it_.ends.map(({ attempts }) => attempts)).toEqual([2, 1]);
});
