/** What a host does not report, or does differently: the one table that the host suite reads and docs/hosts.md shows. */

export type HostName =
  | "node"
  | "express"
  | "fastify"
  | "h3"
  | "h3-v1"
  | "nitro-2"
  | "nitro-3"
  | "nitro-3.0.0"
  | "nuxt"
  | "deno"
  | "bun"
  | "workerd";

export type Phase =
  | "waiting"
  | "backoff"
  | "connecting"
  | "before headers"
  | "before the first event"
  | "mid-body"
  | "slow reader"
  | "after terminal";

export interface Exception {
  hosts: readonly HostName[];
  /** The phases of a client's disconnect that it applies to. */
  phases?: readonly Phase[];
  /** A row that does not hold there. */
  row?: "I18" | "pipelining" | "expect";
  /** The disconnect is noticed within this many ms instead of 100; `false`: not at all while nothing is written. */
  within?: number | false;
  /** Lines that the host itself prints. */
  noise?: RegExp;
  why: string;
}

export const EXCEPTIONS: readonly Exception[] = [
  {
    hosts: ["bun"],
    row: "pipelining",
    why: "Bun answers none of the requests that arrive in one packet, and closes the connection.",
  },
  {
    hosts: ["workerd"],
    phases: ["waiting", "backoff", "connecting", "before headers", "before the first event"],
    within: 1_000,
    why: "The Worker is notified of a closed connection when it writes: in a stream at the first heartbeat after `commitAfter`, in other responses with the first byte.",
  },
  {
    hosts: ["workerd"],
    phases: ["mid-body"],
    within: 500,
    why: "The Worker is notified of a closed connection when it writes: at the next event or heartbeat.",
  },
  {
    hosts: ["workerd"],
    row: "I18",
    why: "Locally, workerd ends a broken body as if it were complete (it sends the last chunk).",
  },
  {
    hosts: ["workerd"],
    row: "expect",
    why: "workerd does not answer `Expect: 100-continue`; clients send the body after a short wait anyway.",
  },
  {
    hosts: ["deno"],
    noise: /^Deno\.serve: request\.signal aborts on successful responses/,
    why: "Deno logs once per process that it aborts a request's signal after success too; `--unstable-no-legacy-abort` disables both.",
  },
  {
    hosts: ["deno", "bun"],
    noise: /response was interrupted|^\s*(?:at |\^|\d+ \|)|^$/,
    why: "The host reports a connection that the relay has to break (I18) as an error with its stack.",
  },
];

export function exceptionFor(host: HostName, phase: Phase): Exception | undefined {
  return EXCEPTIONS.find(({ hosts, phases }) => hosts.includes(host) && phases?.includes(phase));
}

export function isExcepted(host: HostName, row: Exception["row"]): boolean {
  return EXCEPTIONS.some((one) => one.row === row && one.hosts.includes(host));
}

export function isNoise(host: HostName, line: string): boolean {
  return EXCEPTIONS.some(({ noise, hosts }) => hosts.includes(host) && noise?.test(line));
}

/** The table of docs/hosts.md. */
export function toTable(): string {
  const rows = EXCEPTIONS.map(({ hosts, phases, row, noise, why }) => {
    const what = phases?.join(", ") ?? row ?? (noise ? "I5, log" : "");
    return `| ${hosts.join(", ")} | ${what} | ${why} |`;
  });
  return ["| host | where | what |", "| --- | --- | --- |", ...rows].join("\n");
}
