/** What a newcomer reads, in the log and in the response, after each typical mistake: both are compared completely. */
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { isNotInstalled } from "../hosts/support/apps.ts";
import { makeCertificate, noOpenSSL } from "../support/certificates.ts";
import { ADDRESSES } from "./addresses.ts";
import { closeAll, KEY, make, type Mistake } from "./bench.ts";
import { KEYS } from "./keys.ts";
import { MOUNTS } from "./mounts.ts";
import { OPTIONS } from "./options.ts";
import { REQUESTS } from "./requests.ts";
import { type Origins, startServers } from "./servers.ts";

const TABLES = { KEYS, ADDRESSES, REQUESTS, MOUNTS, OPTIONS };
const noExpress = isNotInstalled("frameworks", "express");

let at: Origins;
beforeAll(async () => {
  at = await startServers(noOpenSSL ? undefined : makeCertificate(30));
});
afterEach(closeAll);

function lacks(what: string, { through }: Mistake): boolean {
  return (
    (through?.startsWith("express") === true && noExpress) ||
    (what.endsWith("speaks https") && noOpenSSL)
  );
}

for (const [table, mistakes] of Object.entries(TABLES))
  describe(table.toLowerCase(), () => {
    for (const [what, mistake] of Object.entries(mistakes))
      it.skipIf(lacks(what, mistake))(what, async () => {
        const { log, start, answer } = await make(mistake, at);
        expect({ log, answer: [...answer] }).toEqual({ log: mistake.log, answer: mistake.answer });
        if (mistake.start !== undefined) expect(start).toBe(mistake.start);
        expectDiscreet(log, String(answer[2]));
      });
  });

/** Neither contains a secret; the response contains no address of an upstream; both use the language of the log. */
function expectDiscreet(log: readonly string[], answer: string): void {
  const all = [...log, answer].join("\n");
  expect(all).not.toContain(KEY);
  expect(all).not.toMatch(/sk-(?:live-w|ant-)|refresh-0|AIza/);
  expect(all).not.toMatch(/\b(?:who|whom|whoever|nobody|somebody|everybody|anybody) (?!may\b)/i);
  expect(answer).not.toMatch(/127\.0\.0\.1|opena1|redis:/);
  // One fault is one line.
  expect(new Set(log).size).toBe(log.length);
}

it("J14 there are at least 40 mistakes, and each is reported", () => {
  const all = Object.values(TABLES).flatMap((table) => Object.values(table) as Mistake[]);
  expect(all.length).toBeGreaterThanOrEqual(40);
});
