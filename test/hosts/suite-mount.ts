/** Paths outside the mount path, and the relay's health, on a host. */
import { describe, expect, it } from "vitest";
import type { HostName } from "./exceptions.ts";
import { ask } from "./support/client.ts";
import type { Stage } from "./support/stage.ts";

/** Hosts where the relay gets every path; elsewhere the host's own router answers. */
const WHOLE: readonly HostName[] = ["node", "deno", "bun", "workerd"];

export function describeMount(name: HostName, stage: () => Stage): void {
  describe("its mount", () => {
    it("L15 makes no upstream call for a path outside", async () => {
      const { upstream, url } = stage();
      const { origin, pathname } = new URL(url);
      const before = upstream.ledger.total;
      for (const path of ["/", "/favicon.ico", `${pathname}x/models`, `/x${pathname}/models`]) {
        const asking = ask(origin, "m", { path, method: "GET" });
        const { statusCode } = await asking.head;
        const text = (await asking.rest()).toString();
        if (!WHOLE.includes(name)) continue;
        expect([path, statusCode]).toEqual([path, 404]);
        expect(text).toContain("ERR_RELAY_MOUNT");
      }
      expect(upstream.ledger.total).toBe(before);
    });

    it("J12 reports its health", async () => {
      const { upstream, url } = stage();
      const before = upstream.ledger.total;
      const asking = ask(url, "m", { path: "/_relay/health", method: "GET" });
      expect((await asking.head).statusCode).toBe(200);
      expect((await asking.rest()).toString()).toBe('{"ok":true}');
      const head = ask(url, "m", { path: "/_relay/health", method: "HEAD" });
      expect((await head.head).statusCode).toBe(200);
      expect(upstream.ledger.total).toBe(before);
    });
  });
}
