// The simulated upstream: an HTTP server that answers as configured and records all calls.
import type { IncomingMessage } from "node:http";
import { toAnswer } from "./answer.ts";
import type { Behaviour } from "./behaviour.ts";
import type { Controls } from "./control.ts";
import { DEFAULT_MODELS } from "./dialects/models.ts";
import { HEALTHY, Script } from "./script.ts";
import type { Stage } from "./exchange.ts";
import { Host } from "./host.ts";
import type { Creations } from "./identity/creations.ts";
import type { Grants } from "./identity/grants.ts";
import { toAsked } from "./inbound.ts";
import { Ledger } from "./ledger.ts";
import { assertQuotas, assertRules, resolveOptions } from "./options.ts";
import type { SimulatorConfig, SimulatorOptions } from "./options.ts";
import type { Quota } from "./quotas.ts";
import type { Rule } from "./rules.ts";
import { toScenario } from "./scenarios.ts";
import type { Scenario, ScenarioName } from "./scenarios.ts";

/** A request for `expectedBody`. */
export interface ExpectedRequest {
  /** @default "POST" */
  method?: string;
  /** Path with query. */
  path: string;
  body?: string | Uint8Array;
  /** Lower-case names. */
  headers?: Record<string, string>;
}

export interface Simulator {
  /** `http://127.0.0.1:PORT`, without a trailing slash. */
  readonly url: string;
  readonly port: number;
  readonly ledger: Ledger;
  /** Users and their tokens: create a grant, revoke one, write an access token. */
  readonly grants: Grants;
  /** The limit on anonymous users. */
  readonly creations: Creations;
  /** Replaces the rules; the first that matches a call decides. Without rules every call is answered normally. */
  script(...rules: Rule[]): void;
  /** Replaces the quotas; all that apply to a call must allow it. */
  limit(...quotas: Quota[]): void;
  /** Starts the windows of all quotas again. */
  refill(): void;
  /** Plays a scenario after the rules, for all credentials or for one; `healthy` removes all faults. */
  scenario(wanted: ScenarioName | Scenario, credential?: string): void;
  /** Lets all stalled calls continue. */
  release(): void;
  /** Returns the body of the answer to a request before any content encoding, without faults in the middle of the answer. */
  expectedBody(request: ExpectedRequest, behaviour?: Behaviour): Buffer;
  /** Destroys every connection and stops listening. */
  close(): Promise<void>;
}

/**
 * Starts a simulated upstream on loopback. Rejects with a `TypeError` that names a wrong option.
 *
 * @example
 * const upstream = await createSimulator();
 * upstream.script({ when: { first: 1 }, then: { refuse: "rate-limit" } });
 */
export async function createSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const config = resolveOptions(options);
  const ledger = new Ledger(config.keep, config.onCall);
  const stage: Stage = { clock: config.clock, ledger, stalls: new Set() };
  const script = new Script(config, ledger);
  const controls = createControls(stage, script);
  const host = new Host(config, stage, script, controls);
  const port = await host.listen();
  return {
    ledger,
    url: `http://${config.host.includes(":") ? `[${config.host}]` : config.host}:${port}`,
    port,
    grants: script.desk.grants,
    creations: script.desk.creations,
    script: (...rules) => controls.script(rules),
    limit(...quotas) {
      assertQuotas(quotas);
      script.setQuotas(quotas);
    },
    refill: () => script.refill(),
    release: () => controls.release(),
    scenario: (wanted, credential) => script.play(toScenario(wanted), credential),
    expectedBody: (request, behaviour = HEALTHY) => expectedBody(request, behaviour, config),
    close() {
      ledger.abandon();
      return host.close();
    },
  };
}

function createControls({ ledger, stalls }: Stage, script: Script): Controls {
  return {
    ledger,
    playing: () => script.playing(),
    play: (scenario, credential) => script.play(scenario, credential),
    script(rules) {
      assertRules(rules);
      script.setRules(rules);
    },
    release() {
      for (const wake of stalls) {
        stalls.delete(wake);
        wake();
      }
    },
    reset() {
      ledger.reset();
      script.refill();
    },
  };
}

function expectedBody(
  request: ExpectedRequest,
  behaviour: Behaviour,
  config: SimulatorConfig,
): Buffer {
  const { method = "POST", path, body = "", headers = {} } = request;
  const bytes = typeof body === "string" ? Buffer.from(body) : Buffer.from(body);
  const incoming = { method, url: path, headers, rawHeaders: [] } as unknown as IncomingMessage;
  const asked = toAsked(incoming, bytes, { socket: 0, at: 0, received: 0 });
  const source = {
    seed: config.seed,
    models: config.models ?? DEFAULT_MODELS,
    now: config.clock.now(),
  };
  const frames = [...toAnswer(asked, behaviour, source).frames];
  return Buffer.concat(frames.map((frame) => frame.bytes));
}
