import { expect, it } from "vitest";
import { type Call, createSimulator } from "../../simulator/index.ts";

it("reports each call once, when it has ended, and survives a log that throws", async () => {
  const told: [string, Call["end"], boolean][] = [];
  const upstream = await createSimulator({
    onCall(call) {
      told.push([call.path, call.end, call.open]);
      throw new Error("a broken log");
    },
  });
  for (const path of ["/v1/models", "/v1/nothing"]) await (await fetch(upstream.url + path)).text();
  await upstream.ledger.until(({ inFlight }) => inFlight === 0);
  expect(told).toEqual([
    ["/v1/models", "completed", false],
    ["/v1/nothing", "completed", false],
  ]);
  expect(upstream.ledger.inFlight).toBe(0);
  await upstream.close();
});

it("rejects a log that is not a function", async () => {
  await expect(createSimulator({ onCall: true as never })).rejects.toThrow('Option "onCall"');
});
