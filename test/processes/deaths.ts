/** Ends its own process at a given step, like the kernel: no handler runs, nothing is flushed. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { StateStorage } from "../../src/state/store/storage.ts";
import type { Storage } from "unstorage";
import { wrapStorage } from "../state/storages.ts";
import type { Death } from "./messages.ts";

export interface Reaper {
  arm(death: Death): void;
  storage: StateStorage;
  fetch: typeof fetch;
  /** A refresh has ended. */
  refreshed(): void;
}

/** The part of a value that is on the disk when its writer is killed. */
const TORN_BYTES = 60;

/** `folder` contains the files, for `torn`. */
export function createReaper(storage: Storage, folder: string): Reaper {
  let armed: Death | undefined;
  let left = 0;

  const isNow = (method: Death["method"], at: string): Death | undefined => {
    if (armed?.method !== method) return undefined;
    const place = armed.method === "fetch" ? armed.url : "key" in armed ? armed.key : "";
    if (!at.includes(place)) return undefined;
    left--;
    return left === 0 ? armed : undefined;
  };

  async function around<T>(death: Death | undefined, run: () => Promise<T>): Promise<T> {
    if (death?.at === "before") return die();
    const value = await run();
    return death ? die() : value;
  }

  function tear(key: string, value: unknown): Promise<never> {
    const half = JSON.stringify(value).slice(0, TORN_BYTES);
    writeFileSync(join(folder, key.replaceAll(":", "/")), half);
    return die();
  }

  const wrapped = wrapStorage(storage, (method, key, run) =>
    around(method === "getItems" || method === "getKeys" ? isNow(method, key) : undefined, run),
  );
  return {
    arm(death) {
      armed = death;
      left = ("nth" in death && death.nth) || 1;
    },
    storage: {
      ...wrapped,
      setItem(key, value) {
        const death = isNow("setItem", key);
        if (death?.at === "torn") return tear(key, value);
        return around(death, () => storage.setItem(key, value as never));
      },
    },
    fetch: (input, init) =>
      around(isNow("fetch", String(input)), async () => {
        const response = await fetch(input, init);
        // Complete, so that the process dies with the response received.
        return new Response(await response.arrayBuffer(), response);
      }),
    refreshed() {
      if (armed?.method === "refresh") void die();
    },
  };
}

function die(): Promise<never> {
  process.kill(process.pid, "SIGKILL");
  return new Promise(() => {});
}
