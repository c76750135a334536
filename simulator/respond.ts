// Writes the decision on a call to the wire, by a fast path where nothing disturbs it.
import { toAnswer, toWhole } from "./answer.ts";
import type { Source } from "./answer.ts";
import type { Answer } from "./frames.ts";
import type { Behaviour } from "./behaviour.ts";
import { DEFAULT_MODELS } from "./dialects/models.ts";
import { HEALTHY } from "./script.ts";
import type { Decision, Script } from "./script.ts";
import type { Exchange } from "./exchange.ts";
import type { Frame } from "./frames.ts";
import type { Asked } from "./inbound.ts";
import type { SimulatorConfig } from "./options.ts";
import { play, playPlain } from "./play.ts";

export interface Responder {
  /** Answers a call. Resolves when nothing more will be written. */
  respond(exchange: Exchange, asked: Asked, credential: string): void | Promise<void>;
}

/** An answer with its frames in memory. */
interface Prepared {
  answer: Answer;
  frames: readonly Frame[];
}

const PLAIN_FIELDS = new Set(["events", "eventBytes", "text", "headers", "interval"]);
const PREPARED = 200;
const LONGEST_BODY = 8192;
const MOST_BYTES = 256 * 1024;

/** Creates the responder; normal answers to repeated requests are prepared once. */
export function createResponder(config: SimulatorConfig, script: Script): Responder {
  const { seed, clock, models = DEFAULT_MODELS } = config;
  const sourceNow = (): Source => ({ seed, models, now: clock.now() });
  const prepared = createShelf();
  return {
    respond(exchange, asked, credential) {
      const decision = script.decide(asked, credential);
      const { behaviour } = decision;
      if (isPlain(asked, behaviour)) {
        const ready = prepared(asked, behaviour, () => toAnswer(asked, behaviour, sourceNow()));
        return playPlain(exchange, withHeaders(ready.answer, decision), ready.frames);
      }
      const answer = isTokenRequest(asked, behaviour)
        ? toWhole(script.desk.answer(asked) ?? { status: 404, headers: {}, body: "" })
        : toAnswer(asked, behaviour, sourceNow());
      return play(exchange, withHeaders(answer, decision), behaviour);
    },
  };
}

function createShelf(): (asked: Asked, behaviour: Behaviour, make: () => Answer) => Prepared {
  const shelves = new WeakMap<Behaviour, Map<string, Prepared>>();
  return (asked, behaviour, make) => {
    let shelf = shelves.get(behaviour);
    if (shelf === undefined) shelves.set(behaviour, (shelf = new Map()));
    const key = `${asked.dialect} ${asked.path}${asked.query} ${asked.body.toString("latin1")}`;
    const found = shelf.get(key);
    if (found !== undefined) return found;
    const answer = make();
    const ready = { answer, frames: [...answer.frames] };
    if (shelf.size >= PREPARED) shelf.clear();
    shelf.set(key, ready);
    return ready;
  };
}

// True for answers that are written at once and do not change from call to call.
function isPlain(asked: Asked, behaviour: Behaviour): boolean {
  if (asked.dialect === "auth" || asked.body.length > LONGEST_BODY) return false;
  if (behaviour === HEALTHY) return true;
  const { interval = 0, events = 0, eventBytes = 0 } = behaviour;
  if (interval > 0 || events * Math.max(eventBytes, 256) > MOST_BYTES) return false;
  for (const field in behaviour) if (!PLAIN_FIELDS.has(field)) return false;
  return true;
}

function isTokenRequest(asked: Asked, behaviour: Behaviour): boolean {
  const isAnsweredByRule = behaviour.refuse !== undefined || behaviour.reply !== undefined;
  return asked.dialect === "auth" && !isAnsweredByRule;
}

function withHeaders(answer: Answer, { headers }: Decision): Answer {
  return headers === undefined ? answer : { ...answer, headers: { ...answer.headers, ...headers } };
}
