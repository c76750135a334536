import { describe, expect, it } from "vitest";
import { createRelayHooks, type EndEvent, type RotationEvent } from "../../src/observe/hooks.ts";

const rotation: RotationEvent = { requestId: "r", from: "a", to: "b", reason: "UNKNOWN" };
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function createLog(): { warn(message: string): void; lines: string[] } {
  const lines: string[] = [];
  return { lines, warn: (message) => void lines.push(message) };
}

describe("hooks", () => {
  it("J8 calls every listener of a name, those of the options first", async () => {
    const seen: string[] = [];
    const hooks = createRelayHooks(
      { rotation: ({ from }) => seen.push(`options ${from}`) },
      createLog(),
    );
    hooks.on("rotation", ({ to }) => seen.push(`first ${to}`));
    hooks.on("rotation", () => seen.push("second"));
    hooks.on("end", () => seen.push("another"));
    hooks.emit("rotation", rotation);
    await settle();
    expect(seen).toEqual(["options a", "first b", "second"]);
  });

  it("J8 continues when a listener throws, rejects, or never settles", async () => {
    const log = createLog();
    const seen: string[] = [];
    const hooks = createRelayHooks(
      {
        rotation() {
          throw new TypeError("secret");
        },
      },
      log,
    );
    hooks.on("rotation", () => Promise.reject(new Error("secret")));
    hooks.on("rotation", () => new Promise(() => {}));
    hooks.on("rotation", () => {
      throw undefined;
    });
    hooks.on("rotation", () => seen.push("last"));
    expect(() => hooks.emit("rotation", rotation)).not.toThrow();
    await settle();
    expect(seen).toEqual(["last"]);
    expect(log.lines).toHaveLength(3);
    for (const line of log.lines) {
      expect(line).toMatch(/^a listener of the hook "rotation" failed: /);
      expect(line).not.toContain("secret");
    }
  });

  it("J8 removes a listener once, however often it is removed", async () => {
    const seen: string[] = [];
    const hooks = createRelayHooks({}, createLog());
    const remove = hooks.on("rotation", () => seen.push("gone"));
    hooks.on("rotation", () => seen.push("stays"));
    remove();
    remove();
    remove();
    expect(hooks.has("rotation")).toBe(true);
    hooks.emit("rotation", rotation);
    await settle();
    expect(seen).toEqual(["stays"]);
  });

  it("J8 calls the next listener when one removes itself during the event", async () => {
    const seen: string[] = [];
    const hooks = createRelayHooks({}, createLog());
    const removeOnce = hooks.on("rotation", () => {
      seen.push("once");
      removeOnce();
    });
    hooks.on("rotation", () => seen.push("next"));
    hooks.emit("rotation", rotation);
    hooks.emit("rotation", rotation);
    await settle();
    expect(seen).toEqual(["once", "next", "next"]);
  });

  it("J8 calls a function twice that was added twice, and removes one of the two", async () => {
    let count = 0;
    const listener = (): void => void count++;
    const hooks = createRelayHooks({}, createLog());
    const remove = hooks.on("rotation", listener);
    hooks.on("rotation", listener);
    hooks.emit("rotation", rotation);
    remove();
    hooks.emit("rotation", rotation);
    await settle();
    expect(count).toBe(3);
  });

  it("J8 tells whether a hook has listeners", () => {
    const hooks = createRelayHooks({ end: undefined, cooldown() {} }, createLog());
    expect([hooks.has("end"), hooks.has("cooldown"), hooks.has("attempt")]).toEqual([
      false,
      true,
      false,
    ]);
    const remove = hooks.on("end", (_event: EndEvent) => {});
    expect(hooks.has("end")).toBe(true);
    remove();
    expect(hooks.has("end")).toBe(false);
    expect(() => hooks.emit("end", {} as EndEvent)).not.toThrow();
  });
});
