// The control surface: queries and changes over HTTP while the simulator runs, from this machine only.
import type { IncomingMessage, ServerResponse } from "node:http";
import { fieldOf } from "./inbound.ts";
import type { Ledger } from "./ledger.ts";
import type { Rule } from "./rules.ts";
import { SCENARIOS, toScenario } from "./scenarios.ts";
import type { Scenario } from "./scenarios.ts";

/** The first part of every path of the control surface. */
export const CONTROL_PREFIX = "/_simulator/";

/** The functions that the control surface calls. */
export interface Controls {
  ledger: Ledger;
  playing(): Record<string, string>;
  play(scenario: Scenario, credential: string | undefined): void;
  script(rules: Rule[]): void;
  release(): void;
  reset(): void;
}

const SHOWN_CALLS = 200;

/** Answers a request to the control surface. */
export function control(
  request: IncomingMessage,
  response: ServerResponse,
  body: Buffer,
  controls: Controls,
): void {
  const [status, value] = answer(request, body, controls);
  response.writeHead(status, { "content-type": "application/json", "cache-control": "no-store" });
  response.end(JSON.stringify(value));
}

function answer(request: IncomingMessage, body: Buffer, controls: Controls): [number, unknown] {
  if (!isLoopback(request.socket.remoteAddress))
    return [403, { error: "Allowed from this machine only." }];
  // A page of another site can make a browser send such a request; it must not change anything.
  if (request.headers["sec-fetch-site"] === "cross-site")
    return [403, { error: "Not allowed from another site." }];
  const name = (request.url ?? "").slice(CONTROL_PREFIX.length).replace(/\?.*$/, "");
  try {
    return act(`${request.method} ${name}`, body, controls);
  } catch (error) {
    return [400, { error: error instanceof Error ? error.message : String(error) }];
  }
}

function act(asked: string, body: Buffer, controls: Controls): [number, unknown] {
  switch (asked) {
    case "GET ledger":
      return [200, toReport(controls.ledger)];
    case "GET scenarios":
      return [200, { playing: controls.playing(), scenarios: Object.values(SCENARIOS) }];
    case "POST scenario":
      playScenario(parse(body), controls);
      return [200, { playing: controls.playing() }];
    case "POST rules":
      controls.script(parse(body) as Rule[]);
      return [200, {}];
    case "POST release":
      controls.release();
      return [200, {}];
    case "POST reset":
      controls.reset();
      return [200, {}];
    default:
      return [404, { error: `Nothing is served at ${asked}.` }];
  }
}

function playScenario(wanted: unknown, controls: Controls): void {
  const name = fieldOf(wanted, "name");
  const credential = fieldOf(wanted, "credential");
  if (typeof name !== "string") throw new TypeError('Field "name" must be the name of a scenario.');
  const isFine = credential === undefined || (typeof credential === "string" && credential !== "");
  if (!isFine) throw new TypeError('Field "credential" must be a non-empty string.');
  controls.play(toScenario(name), credential as string | undefined);
}

function toReport(ledger: Ledger): object {
  const {
    total,
    inFlight,
    maxInFlight,
    openSockets,
    connections,
    brokenOff,
    creations,
    refreshes,
  } = ledger;
  const counts = {
    total,
    inFlight,
    maxInFlight,
    openSockets,
    connections,
    brokenOff,
    creations,
    refreshes,
  };
  // With it, `timing` can be compared with the clock of another process.
  const { timeOrigin } = performance;
  return {
    ...counts,
    timeOrigin,
    totals: ledger.allTotals(),
    calls: ledger.calls.slice(-SHOWN_CALLS),
  };
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    throw new TypeError("The body must be JSON.");
  }
}

function isLoopback(address: string | undefined): boolean {
  return address === "::1" || /^(::ffff:)?127\./.test(address ?? "");
}
