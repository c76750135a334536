// The programs that are compared. The goals in the ratio tables apply to the first file of each pair.
import { start } from "./processes.mjs";

export const PROGRAMS = {
  relay: { title: "h3-relay in h3 2 (Node sink)", file: "relay.mjs" },
  "relay-node": { title: "h3-relay in node:http (Node sink)", file: "relay-node.mjs" },
  "relay-web": { title: "h3-relay relay.fetch in srvx (web sink)", file: "relay-web.mjs" },
  "h3-proxy": { title: "h3 2 proxyRequest", file: "h3-proxy.mjs" },
  "h3-fetch": { title: "bare fetch pass-through in h3 2", file: "h3-fetch.mjs" },
  undici: { title: "undici straight into ServerResponse", file: "undici.mjs" },
  "h3-undici": { title: "undici straight, inside an h3 2 handler", file: "h3-undici.mjs" },
};

/** Programs that only one part uses, without a comparison. */
const OTHERS = {
  "relay-store": { title: "h3-relay over a store that counts", file: "relay-store.mjs" },
};

/** The ratios of interest, and their upper limits (goals of PERFORMANCE; no goal, no verdict). */
export const PAIRS = [
  ["relay", "undici", 1.25],
  ["relay-node", "undici", 1.25],
  ["relay", "h3-undici", undefined],
  ["relay", "h3-proxy", 0.4],
  ["relay-web", "h3-fetch", 1.15],
];

export function startUpstream() {
  return start("upstream.mjs");
}

export function startLoad() {
  return start("load.mjs");
}

/** Starts the named programs (all, when none is named), in order, against an upstream. */
export async function startPrograms(upstream, { only = [], credentials, profile }, names) {
  const wanted = (names ?? Object.keys(PROGRAMS)).filter(
    (name) => only.length === 0 || only.includes(name),
  );
  const running = [];
  for (const name of wanted) {
    const { title, file } = PROGRAMS[name] ?? OTHERS[name];
    const flags = profile
      ? ["--cpu-prof", `--cpu-prof-dir=${profile}`, `--cpu-prof-name=${name}.cpuprofile`]
      : [];
    const child = await start(`programs/${file}`, {
      execArgv: ["--expose-gc", ...flags],
      env: { UPSTREAM: upstream.ready.origin, CREDENTIALS: String(credentials) },
    });
    running.push({ name, title, origin: child.ready.origin, ...child });
  }
  return running;
}
