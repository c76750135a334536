import { existsSync, readFileSync } from "node:fs";
import { afterEach, expect, it } from "vitest";
import type { Transport } from "../../src/contract/transport.ts";
import { createTransport } from "../../src/transport/undici.ts";
import { isMissing } from "../support/needs.ts";
import { createUnreachable, type Unreachable } from "../support/unreachable.ts";
import { record, type Recorded } from "./receiver.ts";

/** Linux's table of sockets; 02 is one that is connecting. */
const SOCKETS = "/proc/net/tcp";
const isBlind = isMissing(SOCKETS, existsSync(SOCKETS), "Linux");

let transport: Transport | undefined;
let place: Unreachable | undefined;
afterEach(async () => {
  await transport?.close();
  await place?.close();
});

async function call(times: number): Promise<Recorded[]> {
  const made = (transport = await createTransport());
  place = await createUnreachable();
  const { url: origin } = place;
  const ask = { method: "GET", origin, path: "/", headers: {}, body: undefined };
  const calls = Array.from({ length: times }, () => record(made, ask));
  // Sockets are created a turn later.
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
  return calls;
}

/** Sockets of this process that are still connecting to the address. */
function connecting(): number {
  const port = Number(new URL(place!.url).port).toString(16).toUpperCase().padStart(4, "0");
  const table = readFileSync(SOCKETS, "latin1").split("\n");
  return table.filter((line) => line.includes(`:${port} 02 `)).length;
}

it.skipIf(isBlind)(
  "E16 I4 closes a connection when no call waits for it any more, and not before",
  async () => {
    const [first, second] = await call(2);
    const before = connecting();
    first!.exchange.abort();
    expect(connecting()).toBe(before);
    second!.exchange.abort();
    expect(connecting()).toBe(before - 2);
    expect([...first!.heard, ...second!.heard]).toEqual([]);
  },
);

it.skipIf(isBlind)("K16 closes pending connections when it closes, and reports this", async () => {
  const [only] = await call(1);
  const before = connecting();
  await transport!.close();
  expect(await only!.over).toBe("closed");
  expect(connecting()).toBe(before - 1);
});
