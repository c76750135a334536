// Checks the form of a mount: the path with which every request below it begins.

/** Wildcards of routers. */
const PATTERN = /[*:{}()[\]]/;

/** Returns the fault of a mount; `undefined` if there is none. */
export function faultOfMount(mount: string): string | undefined {
  if (/^\w+:\/\//.test(mount) || mount.startsWith("//"))
    return "must be a path like `/ai`, not a whole URL";
  if (/[?#]/.test(mount)) return "must be a path like `/ai`, without a query";
  if (PATTERN.test(mount))
    return "must be a path like `/ai`, not a route pattern: remove the wildcard (`/**`, `/*`, `/[...path]`)";
  if (mount !== "" && !mount.startsWith("/"))
    return "must be a path like `/ai`, beginning with `/`";
  if (mount.includes("//")) return "must be a path like `/ai`, without an empty segment";
  return isWrittenAsSent(mount)
    ? undefined
    : "must be a path like `/ai`, encoded as in a URL: no request path begins with this";
}

// Request paths are parsed as URLs: spaces and non-ASCII letters are encoded, `..` is resolved.
function isWrittenAsSent(mount: string): boolean {
  return mount === "" || new URL(mount, "http://host").pathname === mount;
}
