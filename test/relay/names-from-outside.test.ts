import { afterEach, expect, it } from "vitest";
import { type RelayUnderTest, startRelay } from "../support/relay.ts";

let relay: RelayUnderTest;
afterEach(() => relay.close());

it("D2 E8 closes nothing for a family when one invented name in it does not exist", async () => {
  relay = await startRelay({ limits: { families: { "gpt-*": "gpt" } } });
  relay.upstream.script({ when: { model: "gpt-made-up" }, then: { refuse: "model-not-found" } });
  expect((await relay.chat({ model: "gpt-made-up" })).status).toBe(404);
  expect((await relay.chat({ model: "gpt-4o" })).status).toBe(200);
  expect(relay.relay.status().cooldowns).toEqual([]);
});

it("D2 L7 keeps requests without a model separate from a model of any name", async () => {
  relay = await startRelay();
  relay.upstream.script({ when: { model: "(no model)" }, then: { refuse: "model-not-found" } });
  expect((await relay.chat({ model: "(no model)" })).status).toBe(404);
  expect((await fetch(`${relay.url}/models`)).status).toBe(200);
});

it("A6 rejects a session key that is a promise, because all sessions would be one", async () => {
  relay = await startRelay({
    scheduling: { sessionKey: (async () => "s") as unknown as () => string },
  });
  expect((await relay.chat()).status).toBe(500);
  expect(relay.upstream.ledger.calls).toHaveLength(0);
});
