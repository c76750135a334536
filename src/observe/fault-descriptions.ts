// Descriptions of the faults of an endpoint for the log, and what an operator can check.
import { toDurationText } from "../shared/times.ts";
import type { AttemptFault } from "../contract/transport.ts";
import type { Fault, Sign } from "./fault-log.ts";

/** The known facts about a failed call. */
export interface CallFault {
  fault: AttemptFault;
  /** The platform's own code. */
  code: string | undefined;
  /** How long the relay waited, in ms. */
  limit: number | undefined;
  /** The option that sets the limit. */
  limitOption?: string | undefined;
}

/** The destination of the call. */
export interface CalledPlace {
  subject: string;
  /** Host and port. */
  host: string;
  /** The option that holds the address. */
  option: string;
}

interface Description {
  what: string;
  advice: string;
  endedBy: Sign;
}

/** Describes a failed call: its cause, and what to check. Names neither path nor query of the address. */
export function describeCallFault(place: CalledPlace, call: CallFault): Fault {
  const { subject, host, option } = place;
  const { fault, code, limit = 0, limitOption } = call;
  const time = toDurationText(limit);
  const by = limitOption === undefined ? "" : `; the limit is \`${limitOption}\``;
  const { what, advice, endedBy } = DESCRIPTIONS[fault]({ host, option, code, time, by });
  const cause = code ? ` (${code})` : "";
  // Two different certificate faults are reported separately; connections that were closed count as one fault.
  const kind = BY_CODE.has(fault) ? `${fault} ${code}` : fault;
  return { subject, kind, what: what + cause, advice, endedBy };
}

const OVERLOADED = "check that the service is running and not overloaded";

/** Kinds of fault of which each code is reported separately. */
const BY_CODE: ReadonlySet<AttemptFault> = new Set(["dns", "certificate", "tls", "denied"]);

/** The facts that a description may name. */
interface Facts {
  host: string;
  option: string;
  code: string | undefined;
  /** How long the relay waited: `20 s`. */
  time: string;
  /** `; the limit is …`: which option sets that time. */
  by: string;
}

const DESCRIPTIONS: Readonly<Record<AttemptFault, (facts: Facts) => Description>> = {
  dns: ({ code, option }) =>
    reached("the host name could not be resolved", dnsAdvice(code, option)),
  refused: ({ option }) =>
    reached(
      "connection refused",
      `check that the server runs at this host and port, and that ${option} names them`,
    ),
  unreachable: ({ option }) =>
    reached(
      "the host cannot be reached",
      `check the network and the firewall of this machine, and the address in ${option}`,
    ),
  certificate: ({ code, option }) =>
    reached("TLS certificate not accepted", certificateAdvice(code, option)),
  tls: ({ option }) =>
    reached(
      "TLS handshake failed",
      `check the scheme (\`https:\` or \`http:\`) and the port in ${option}: the server at this port may not support TLS`,
    ),
  denied: describeDenied,
  permission: describeDenied,
  connect: () =>
    reached(
      "no connection could be opened",
      "check how many sockets and files this process may open (`ulimit -n`)",
    ),
  "connect-timeout": ({ time, option, by }) =>
    reached(
      `no connection within ${time}`,
      `check the host and port in ${option} and the firewall in between${by}`,
    ),
  timeout: ({ time, option, by }) =>
    reached(
      `no answer within ${time}`,
      `check that ${option} is correct and the service is running${by}`,
    ),
  "body-timeout": ({ time, by }) =>
    served(`sent headers and no byte of a response within ${time}`, OVERLOADED + by),
  "payload-timeout": ({ time, by }) => served(`sent no payload within ${time}`, OVERLOADED + by),
  "idle-timeout": ({ time, by }) =>
    served(`sent no data for ${time} before its response started`, OVERLOADED + by),
  "payload-idle-timeout": ({ time, by }) =>
    served(`sent no payload for ${time} before its response started`, OVERLOADED + by),
  closed: ({ option }) =>
    reached(
      "connection closed before an answer came",
      `check the scheme and the port in ${option}, and the proxies and load balancers in between`,
    ),
  protocol: ({ option }) =>
    reached(
      "the answer is not valid HTTP",
      `check that an HTTP API listens at the host and port in ${option}`,
    ),
  empty: ({ option }) =>
    served(
      "the response had no content",
      `check that ${option} is the base address of the API, and look at the provider's status page`,
    ),
};

function reached(what: string, advice: string): Description {
  return { what, advice, endedBy: "reached" };
}

function served(what: string, advice: string): Description {
  return { what, advice, endedBy: "served" };
}

function describeDenied({ code, host, option }: Facts): Description {
  return reached("this process is not allowed to connect", deniedAdvice(code, host, option));
}

function dnsAdvice(code: string | undefined, option: string): string {
  return code === "EAI_AGAIN"
    ? "the DNS server did not answer: check the network and the DNS settings of this machine"
    : `check ${option}: the host name does not exist, or the DNS server of this machine does not know it`;
}

function certificateAdvice(code: string = "", option: string): string {
  if (/EXPIRED|NOT_YET_VALID/.test(code))
    return "the certificate must be renewed, or the clock of this machine is wrong";
  if (/ALTNAME|HOSTNAME/.test(code))
    return `the certificate belongs to another host name: check the host in ${option}`;
  if (/REVOKED/.test(code)) return "the certificate was revoked: its owner must replace it";
  return "the issuer of the certificate is not trusted: set NODE_EXTRA_CA_CERTS (Deno: DENO_CERT) to the file of its CA";
}

function deniedAdvice(code: string | undefined, host: string, option: string): string {
  if (code === "NotCapable" || code === "PermissionDenied")
    return `start Deno with --allow-net=${host}`;
  if (code === "BLOCKED_PORT") return `\`fetch\` blocks this port: check the port in ${option}`;
  return "check the firewall, the sandbox and the permissions of this process";
}

/** Host and port of an address, with the default port of its scheme; its path, query and user may contain a secret. */
export function hostOf(address: string): string {
  if (!URL.canParse(address)) return "invalid address";
  const { host, port, protocol } = new URL(address);
  return port ? host : `${host}:${protocol === "https:" ? 443 : 80}`;
}
