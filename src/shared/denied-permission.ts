// Deno's word that a permission or a flag is missing, put into a line that names what is missing and how to grant it.

/** Classes of Deno's errors that a flag would prevent; an operating system's own refusal has the second name too. */
const NAMES: ReadonlySet<unknown> = new Set(["NotCapable", "PermissionDenied"]);
/** Deno's message names what was asked for, an address, a path or a variable; it quotes no value. */
const MESSAGE = /^Requires (\w+) access(?: to "?(.+?)"?)?, run again with the (--[\w-]+) flag/;
/** What Deno and unstorage's driver say where Deno KV, which is unstable, is switched off. */
const KV = /\bDeno\.openKv\b.*(?:--unstable-kv|not a function)/;
/** An error of Deno may lie inside one of a library. */
const DEPTH = 4;

/** Tells which permission an error asks for, in one line; `undefined` where it is no such error. */
export function denialOf(error: unknown): string | undefined {
  for (let one = error, left = DEPTH; left > 0 && one instanceof Error; one = one.cause, left--) {
    const found = NAMES.has(one.name) ? MESSAGE.exec(one.message) : null;
    if (found) return toLine(found[1]!, found[2], found[3]!);
    if (KV.test(one.message)) return "Deno KV is switched off: run with --unstable-kv";
  }
  return undefined;
}

function toLine(kind: string, what: string | undefined, flag: string): string {
  const access = kind === "net" ? "network access" : `${kind} access`;
  if (what === undefined) return `Deno denied ${access}: run with ${flag}`;
  // The flag for a host covers all its ports; the port of a scheme is one that the operator has not written.
  const granted = kind === "net" ? what.replace(/:(?:443|80)$/, "") : what;
  return `Deno denied ${access} to ${what}: run with ${flag}=${granted}`;
}
