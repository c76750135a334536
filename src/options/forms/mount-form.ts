// What a mount must look like: the path alone, which every request below it begins with.

/** What routers write behind a path to mean all that lies below it. */
const PATTERN = /[*:{}()[\]]/;

/** Says what is wrong with a mount; `undefined` where nothing is. */
export function faultOfMount(mount: string): string | undefined {
  if (/^\w+:\/\//.test(mount) || mount.startsWith("//"))
    return "must be a path like `/ai`, not a whole URL";
  if (/[?#]/.test(mount)) return "must be a path like `/ai`, without a query";
  if (PATTERN.test(mount))
    return "must be a path like `/ai`, not a route's pattern: leave out what stands for the rest (`/**`, `/*`, `/[...path]`)";
  if (mount !== "" && !mount.startsWith("/"))
    return "must be a path like `/ai`, with a `/` before it";
  if (mount.includes("//")) return "must be a path like `/ai`, without an empty segment";
  return isWrittenAsSent(mount)
    ? undefined
    : "must be a path like `/ai`, written as a URL has it: no request begins with this";
}

// What a client sends has been through a URL: spaces and letters beyond ASCII are encoded there, `..` is gone.
function isWrittenAsSent(mount: string): boolean {
  return mount === "" || new URL(mount, "http://host").pathname === mount;
}
