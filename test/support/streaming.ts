/** Reads responses chunk by chunk, and waits for events rather than for time. */
import { createParser, type EventSourceMessage } from "eventsource-parser";
import type { RelayUnderTest } from "./relay.ts";

/** Whether a promise has settled, without waiting for it. */
export function seen(promise: Promise<unknown>): { has: boolean } {
  const state = { has: false };
  void promise.then(
    () => (state.has = true),
    () => (state.has = true),
  );
  return state;
}

export function parse(text: string): EventSourceMessage[] {
  const events: EventSourceMessage[] = [];
  createParser({ onEvent: (event) => void events.push(event) }).feed(text);
  return events;
}

export function withoutComments(text: string): string {
  return text.replace(/^:.*\n\n/gm, "");
}

/** Waits, by turns of the loop, until something holds. */
export async function arrived({ clock }: RelayUnderTest, holds: () => boolean): Promise<void> {
  for (const patience = performance.now() + 3_000; !holds();) {
    if (performance.now() > patience) throw new Error("it did not come about");
    await clock.settle();
  }
}

/** Waits until a request waits between two attempts: nothing is in flight and the clock has a timer. */
export async function untilAsleep(relay: RelayUnderTest): Promise<void> {
  await arrived(relay, () => {
    const idle = relay.relay.status().credentials.every(({ inFlight }) => inFlight === 0);
    return idle && relay.clock.pending() > 0;
  });
}

/** Waits for a response while the clock runs. */
export async function patiently<T>({ clock }: RelayUnderTest, answer: Promise<T>): Promise<T> {
  const state = seen(answer);
  while (!state.has) await clock.advance(100);
  return answer;
}

export interface Reading {
  text(): string;
  /** Waits until the text contains this many events (or whatever `count` counts). */
  until(many: number, count?: (text: string) => number): Promise<void>;
  untilText(text: string): Promise<void>;
  /** Reads to the end and returns everything. */
  rest(): Promise<string>;
}

export function reader(response: Response): Reading {
  const source = response.body!.getReader();
  const decoder = new TextDecoder();
  let text = "";
  async function more(): Promise<boolean> {
    const { done, value } = await source.read();
    if (!done) text += decoder.decode(value, { stream: true });
    return !done;
  }
  async function until(holds: () => boolean): Promise<void> {
    while (!holds()) if (!(await more())) throw new Error(`ended after ${JSON.stringify(text)}`);
  }
  return {
    text: () => text,
    until: (many, count = (whole) => parse(whole).length) => until(() => count(text) >= many),
    untilText: (whole) => until(() => text === whole),
    async rest() {
      while (await more());
      return text;
    },
  };
}

/** Waits until a growing number stays constant over many turns of the loop, and returns it. */
export async function standstill(read: () => number): Promise<number> {
  for (let last = 0, still = 0; ;) {
    await new Promise((resolve) => setImmediate(resolve));
    const now = read();
    still = now === last && now > 0 ? still + 1 : 0;
    last = now;
    if (still === 400) return now;
  }
}
