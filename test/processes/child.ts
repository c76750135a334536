/** A process with one relay per store, controlled by its parent. */
import {
  type Log,
  createRelay,
  firebaseAnonymous,
  graphqlAnonymous,
  oauth,
  type CommonCredential,
  type CredentialOptions,
  type Relay,
} from "../../src/index.ts";
import { createReaper, type Reaper } from "./deaths.ts";
import { LIMITER, type Place, type Question, type Reply } from "./messages.ts";
import { createMovedClock, type MovedClock } from "./moved-clock.ts";
import { openStore } from "./moved-stores.ts";

interface Opened {
  relay: Relay;
  clock: MovedClock;
  reaper: Reaper;
}

const opened = new Map<string, Opened>();
const [addon = ""] = process.argv.slice(2);

async function open(place: Place): Promise<void> {
  const clock = createMovedClock(place.off);
  clock.pass(place.passed);
  const reaper = createReaper(openStore(place, clock, addon), place.where);
  const relay = createRelay({
    upstream: { baseURL: `${place.upstream}/v1`, dialect: "openai" },
    credentials: credentialsOf(place),
    storage: reaper.storage,
    fetch: reaper.fetch,
    transport: undefined,
    clock,
    log: logOf(),
    limits: { perCaller: { concurrent: false } },
    hooks: { refresh: reaper.refreshed },
    secret: "a secret that all of them share",
  });
  await relay.ready();
  opened.set(place.where, { relay, clock, reaper });
}

function credentialsOf({ upstream, grants, guests, keys }: Place): CredentialOptions[] {
  const only = (name: string): CommonCredential => ({ id: name, models: { allow: [name] } });
  const exchange = { apiKey: LIMITER, endpoint: upstream, tokenEndpoint: upstream };
  const sources = {
    firebase: firebaseAnonymous(exchange),
    graphql: graphqlAnonymous({
      url: `${upstream}/graphql`,
      query: "mutation { createAnonymousUser { customToken } }",
      tokenPath: "data.createAnonymousUser.customToken",
      exchange,
    }),
  };
  return [
    ...Object.entries(keys).map(([name, apiKey]) => ({ ...only(name), apiKey })),
    ...Object.entries(grants).map(([name, refreshToken]) => ({
      ...only(name),
      token: oauth({ tokenURL: `${upstream}/oauth/token`, clientId: "client", refreshToken }),
    })),
    ...Object.entries(guests).map(([name, kind]) => ({
      ...only(name),
      anonymous: sources[kind],
      // Used up by its first request: the next one needs another token.
      expectedRequests: 1,
      createLimit: { key: LIMITER },
    })),
  ];
}

/** Prints only what should never happen. */
function logOf(): Log {
  const quiet = (): void => {};
  const error = (line: string): void => void process.stderr.write(`${line}\n`);
  return { debug: quiet, info: quiet, warn: process.env["LOUD"] ? error : quiet, error };
}

async function ask(relay: Relay, model: string): Promise<number> {
  const body = JSON.stringify({ model, messages: [{ role: "user", content: "Say something." }] });
  const headers = { "content-type": "application/json" };
  const url = "http://relay.test/chat/completions";
  const response = await relay.fetch(new Request(url, { method: "POST", headers, body }), {
    mount: "/",
  });
  await response.arrayBuffer();
  return response.status;
}

async function follow(question: Question): Promise<Omit<Reply, "id">> {
  if (question.do === "open") {
    await open(question.place);
    return {};
  }
  if (question.do === "close") {
    await Promise.all([...opened.values()].map(({ relay }) => relay.close()));
    return {};
  }
  const { relay, clock, reaper } = opened.get(question.where)!;
  switch (question.do) {
    case "ask":
      return { status: await ask(relay, question.model) };
    case "die":
      reaper.arm(question.death);
      return {};
    case "pass":
      clock.pass(question.passed);
      return {};
    case "status":
      return { report: relay.status() };
  }
}

process.on("message", (question: Question) => {
  follow(question).then(
    (reply) => process.send!({ id: question.id, ...reply }),
    (error: unknown) => process.send!({ id: question.id, fault: String(error) }),
  );
});
process.on("disconnect", () => process.exit());
process.send!({ id: 0 });
