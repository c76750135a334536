/** Credentials added and removed while the relay runs (F7, K6, K8, K9). */
import { createStorage } from "unstorage";
import { afterEach, describe, expect, it } from "vitest";
import { createSimulator } from "../../simulator/index.ts";
import {
  makeCredentials,
  type RelayUnderTest,
  secretOf,
  startRelay,
  type UnderTestOptions,
} from "../support/relay.ts";

const DAY = 86_400_000;
const relays: RelayUnderTest[] = [];
afterEach(async () => {
  for (const relay of relays.splice(0)) await relay.close();
});

async function start(options: UnderTestOptions = {}): Promise<RelayUnderTest> {
  const relay = await startRelay({ count: 1, ...options });
  relays.push(relay);
  return relay;
}
async function ask(relay: RelayUnderTest): Promise<number> {
  const response = await relay.chat();
  await response.arrayBuffer();
  return response.status;
}
const keys = { c1: secretOf("c1"), late: secretOf("late") };
const late = { id: "late", apiKey: keys.late, tier: 0 };

describe("credentials at run time", () => {
  it("K14 are separate from those of the configuration, even with the same key", async () => {
    const token = () => Promise.resolve({ accessToken: "t" });
    const { relay } = await start({
      credentials: [
        ...makeCredentials(1),
        { id: "signed", token },
        { id: "guests", anonymous: token },
      ],
    });
    const refusal = expect.objectContaining({ code: "ERR_RELAY_CONFIGURED" }) as Error;
    for (const id of ["c1", "signed", "guests"]) {
      expect(() => relay.credentials.remove(id)).toThrow(refusal);
      expect(() => relay.credentials.add({ id, apiKey: "sk-x" })).toThrow(refusal);
    }
  });

  it("A3 K8 K9 have tiers by name where those of the configuration have", async () => {
    const [c1] = makeCredentials(1);
    const { relay } = await start({
      simulator: { keys },
      tiers: ["first", "second"],
      credentials: [{ ...c1!, tier: "second" }],
    });
    const { credentials } = relay;
    credentials.add({ ...late, tier: "first" });
    credentials.add({ id: "plain", apiKey: "sk-plain" });
    expect(relay.status().credentials.map(({ id, tier }) => [id, tier])).toEqual([
      ["c1", "second"],
      ["late", "first"],
      ["plain", "first"],
    ]);
    const exported = credentials.export({ secrets: true });
    expect(exported).toMatchObject([{ tier: "first" }, { tier: "first" }]);
    expect(credentials.import(exported as never)).toBe(2);
    for (const tier of ["third", Number.NaN])
      expect(() => credentials.add({ apiKey: "sk-x", tier })).toThrow(
        expect.objectContaining({
          code: "ERR_RELAY_CREDENTIAL",
          message: "The credential cannot be added: tier must be one of first, second.",
        }),
      );
  });

  it("K8 serve at once, and no longer when they are removed; open streams continue", async () => {
    const relay = await start({ simulator: { keys } });
    expect(relay.relay.credentials.add(late)).toBe("late");
    expect(await ask(relay)).toBe(200);
    relay.upstream.script({ then: { stall: { afterEvents: 2 } } });
    const streaming = await relay.chat();
    expect(relay.relay.credentials.remove("late")).toBe(true);
    relay.upstream.script();
    relay.upstream.release();
    expect(await streaming.text()).toContain("[DONE]");
    expect(await ask(relay)).toBe(200);
    expect(relay.upstream.ledger.byCredential()).toEqual({ late: 2, c1: 1 });
    expect(relay.relay.credentials.remove("late")).toBe(false);
  });

  it("K6 A1 exist after a restart with their cooldowns, and stay removed", async () => {
    const keep = await createSimulator({ keys });
    const storage = createStorage();
    const one = await start({ keep, storage });
    one.relay.credentials.add(late);
    one.relay.credentials.disable("late", "for now");
    await one.close();
    const two = await start({ keep, storage });
    expect(two.relay.status().credentials.find(({ id }) => id === "late")).toMatchObject({
      disabled: { reason: "for now" },
    });
    two.relay.credentials.enable("late");
    expect(await ask(two)).toBe(200);
    two.relay.credentials.remove("late");
    await two.close();
    const three = await start({ keep, storage });
    expect(three.relay.status().credentials.map(({ id }) => id)).toEqual(["c1"]);
    expect(keep.ledger.byCredential()).toEqual({ late: 1 });
    relays.splice(0);
    await three.close();
    await keep.close();
  });

  it("K9 J3 are exported and imported as JSON, with keys only on request; the same key twice is one", async () => {
    const relay = await start({ simulator: { keys } });
    const { credentials } = relay.relay;
    credentials.add({ ...late, models: { allow: ["gpt*"] }, maxInFlight: 3, weight: 2 });
    expect(JSON.stringify(credentials.export())).not.toContain(keys.late);
    const exported = JSON.parse(JSON.stringify(credentials.export({ secrets: true }))) as never;
    credentials.remove("late");
    expect(credentials.export()).toEqual([]);
    expect(credentials.import(exported)).toBe(1);
    expect(credentials.export({ secrets: true })).toEqual(exported);
    expect(credentials.add({ apiKey: keys.late, id: "another name" })).toBe("late");
    expect(credentials.export()).toHaveLength(1);
    const random = credentials.add({ apiKey: "sk-of-no-name-0123456789" });
    expect(random).toMatch(/^[0-9a-f-]{36}$/);
  });

  it("K14 are separate from those of the configuration, and reject a key that does not fit into a header", async () => {
    const { relay } = await start();
    const code = (name: string) => expect.objectContaining({ code: name }) as Error;
    expect(() => relay.credentials.remove("c1")).toThrow(code("ERR_RELAY_CONFIGURED"));
    expect(() => relay.credentials.add({ id: "c1", apiKey: "sk-x" })).toThrow(
      code("ERR_RELAY_CONFIGURED"),
    );
    expect(() => relay.credentials.add({ apiKey: "a b" })).toThrow(code("ERR_RELAY_CREDENTIAL"));
    expect(() => relay.credentials.add({ apiKey: "sk-x", upstream: "nowhere" })).toThrow(
      "must be one of default",
    );
  });
});

it("F7 reports once a credential that has been disabled for long, and removes only added ones", async () => {
  const relay = await start({
    credentials: makeCredentials(2),
    simulator: { keys: { ...keys, c2: secretOf("c2") } },
    limits: { pruneAfter: 30 * DAY },
  });
  relay.relay.credentials.add(late);
  for (const id of ["late", "c2"]) relay.relay.credentials.disable(id);
  await relay.clock.advance(29 * DAY);
  await ask(relay);
  expect(relay.relay.status().credentials).toHaveLength(3);
  await relay.clock.advance(2 * DAY);
  await ask(relay);
  await relay.clock.advance(DAY);
  await ask(relay);
  expect(relay.relay.status().credentials.map(({ id }) => id)).toEqual(["c1", "c2"]);
  const said = relay.lines.filter(({ message }) => message.includes("has been disabled since"));
  expect(said.map(({ message }) => message.includes("; it is removed"))).toEqual([true, false]);
});
