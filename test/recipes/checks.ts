/** The checks of every recipe: a stream to the byte, a client that disconnects, a shutdown. The simulated upstream's ledger verifies them. */
import { expect } from "vitest";
import type { Simulator } from "../../simulator/index.ts";
import { ask } from "../hosts/support/client.ts";
import type { HostProcess } from "../hosts/support/process.ts";

/** Expects that a stream arrives to the byte. */
export async function expectStream(url: string, upstream: Simulator): Promise<void> {
  const asking = ask(url, "gpt-5");
  const head = await asking.head;
  expect(head.statusCode, await statusText(asking, head.statusCode)).toBe(200);
  expect(head.headers["content-type"]).toBe("text/event-stream");
  const body = await asking.rest();
  expect(body.equals(upstream.ledger.last()!.sent!)).toBe(true);
}

async function statusText(
  asking: ReturnType<typeof ask>,
  status: number | undefined,
): Promise<string> {
  return status === 200 ? "" : (await asking.rest()).toString();
}

/** Disconnects a client in mid-body and returns the time until the upstream is closed, in ms. */
export async function leaveMidBody(url: string, upstream: Simulator): Promise<number> {
  upstream.script({ when: {}, then: { events: 1_000, interval: 20 } });
  try {
    const asking = ask(url, "gpt-5");
    await asking.until((text) => text.includes("data:"));
    const call = upstream.ledger.last()!;
    const leftAt = asking.leave();
    await upstream.ledger.until(() => !call.open);
    return performance.now() - leftAt;
  } finally {
    upstream.script();
  }
}

/** Sends SIGTERM during a stream, expects an error event, and returns the time until the process has ended, in ms. */
export async function endWithOpenStream(
  host: HostProcess,
  url: string,
  upstream: Simulator,
): Promise<number> {
  upstream.script({ when: {}, then: { events: 10_000, interval: 20 } });
  const asking = ask(url, "gpt-5");
  await asking.until((text) => text.includes("data:"));
  const taken = endBySignal(host);
  const [body, ms] = await Promise.all([asking.rest(), taken]);
  expect(body.toString(), "the stream was cut without an error event").toContain("ERR_RELAY_");
  return ms;
}

/** Sends SIGTERM and returns the time until the process has ended, in ms. */
export async function endBySignal(host: HostProcess): Promise<number> {
  const sentAt = performance.now();
  host.signal("SIGTERM");
  const late = new Promise<"late">((resolve) => setTimeout(() => resolve("late"), 10_000).unref());
  const end = await Promise.race([host.gone, late]);
  expect(end, "the process still runs 10 s after SIGTERM").not.toBe("late");
  return performance.now() - sentAt;
}
