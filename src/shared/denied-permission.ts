// Recognises Deno's errors about a missing permission or flag, and describes how to grant it.

/** Deno's error classes that a flag would prevent; an operating system's refusal has the second name, too. */
const NAMES: ReadonlySet<unknown> = new Set(["NotCapable", "PermissionDenied"]);
/** Deno's message names the requested address, path or variable; it quotes no value. */
const MESSAGE = /^Requires (\w+) access(?: to "?(.+?)"?)?, run again with the (--[\w-]+) flag/;
/** Messages of Deno and of unstorage's driver where Deno KV, which is unstable, is not enabled. */
const KV = /\bDeno\.openKv\b.*(?:--unstable-kv|not a function)/;
/** How deep an error of Deno may be nested in errors of a library. */
const DEPTH = 4;

/** Describes the permission that an error asks for, in one line; `undefined` for any other error. */
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
  // The flag for a host covers all its ports; a default port was not written by the operator.
  const granted = kind === "net" ? what.replace(/:(?:443|80)$/, "") : what;
  return `Deno denied ${access} to ${what}: run with ${flag}=${granted}`;
}
