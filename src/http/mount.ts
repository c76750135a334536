// Where a relay is mounted inside an h3 2 app, and what follows that point in the path as the client wrote it.
import { RelayError } from "../shared/errors.ts";

/** The fields of an h3 2 event that tell where its handler is mounted. */
export interface MountedEvent {
  readonly url: { readonly pathname: string };
  readonly context: {
    readonly params?: Readonly<Record<string, string>>;
    readonly matchedRoute?: { readonly route?: string; readonly handler?: unknown };
    readonly middlewareParams?: Readonly<Record<string, string>>;
  };
}

/** Counts the segments of a path that follow the mount point of `handler`. */
export function countTail({ url, context }: MountedEvent, handler: unknown): number {
  // `withBase` and nested apps cut the path short: what is left of it is never less than the tail.
  return Math.min(
    countSegments(url.pathname.slice(1)),
    countSegments(wildcardOf(context, handler)),
  );
}

/** What the wildcard of the pattern stands for, by which the handler was found. */
function wildcardOf(
  { params, matchedRoute, middlewareParams }: MountedEvent["context"],
  handler: unknown,
): string | undefined {
  const pattern = /^(.*)\/\*\*:?(\w*)$/.exec(matchedRoute?.route ?? "");
  const ofRoute = pattern ? (params?.[pattern[2] || "_"] ?? "") : undefined;
  const ofMiddleware = middlewareParams?.["_"];
  // A route's handler may be wrapped; as a middleware it most likely stands before a catch-all route.
  const isRoute = matchedRoute?.handler === handler || (pattern !== null && pattern[1] !== "");
  return isRoute ? (ofRoute ?? ofMiddleware) : (ofMiddleware ?? ofRoute);
}

/** Counts what stands between slashes, a last empty one left out. Without a wildcard the whole path is the tail. */
export function countSegments(path: string | undefined): number {
  if (path === undefined) return Infinity;
  return path === "" ? 0 : path.replace(/\/$/, "").split("/").length;
}

/**
 * Splits a raw request target `count` segments before its end. The host's own view of the path is decoded or tidied up;
 * the raw one stays untouched, and whatever in it is not plain is refused later.
 */
export function splitTarget(raw: string, count: number): { mount: string; target: string } {
  const mark = raw.indexOf("?");
  const path = mark < 0 ? raw : raw.slice(0, mark);
  let at = path.endsWith("/") ? path.length - 1 : path.length;
  for (let left = count; left > 0 && at >= 0; left--) at = path.lastIndexOf("/", at - 1);
  const start = Math.max(at, 0);
  return { mount: path.slice(0, start), target: raw.slice(start) };
}

/** Whether a path is the mount point or lies under it. */
export function isUnder(pathname: string, mount: string): boolean {
  return pathname.startsWith(mount) && /^(?:[/?]|$)/.test(pathname.slice(mount.length));
}

/** Where a call came in. */
export interface MountedTarget {
  /** `undefined` where it lies outside the mount, or there is none. */
  mount: string | undefined;
  /** What follows the mount point; the whole target where there is none. */
  target: string;
}

/** Cuts the mount point off a raw target. */
export function cutMount(raw: string, mount: string | undefined): MountedTarget {
  return mount !== undefined && isUnder(raw, mount)
    ? { mount, target: raw.slice(mount.length) }
    : { mount: undefined, target: raw };
}

/**
 * Tells whether the option `mount` decides (L15): where the router has cut nothing off, or less than the option says. A catch-all at
 * the root is no mount point: `mount: "/"` says that everything is relayed.
 */
export function isOptionDecisive(
  byRouter: string | undefined,
  option: string | undefined,
): boolean {
  return !byRouter || (option !== undefined && isUnder(option, byRouter));
}

/** Splits a raw target `count` segments before its end, or at the option `mount` where that decides. */
export function placeUnder(raw: string, count: number, option: string | undefined): MountedTarget {
  const place = splitTarget(raw, count);
  // A router takes a backslash for a slash, so that the counts differ. It goes on as it is, and is refused as a path.
  if (place.mount === "" && raw.split("?", 1)[0]!.includes("\\")) return place;
  return isOptionDecisive(place.mount, option) ? cutMount(raw, option) : place;
}

const PLAIN = /^(?:\/[\w\-.~]+)*$/;

/** Writes a mount point as the paths of URLs have it: slash at the start, none at the end, encoded; `""` for `/`. */
export function toMount(mount: string): string {
  if (PLAIN.test(mount)) return mount;
  const path = `/${mount.replace(/^\/+|\/+$/g, "")}`;
  return new URL(path, "http://localhost").pathname.replace(/\/$/, "");
}

/** Characters of a path that an error repeats. */
const SHOWN = 200;

/** The error for a path outside the mount. Names both: what stands in front may have cut or rewritten the path. */
export function toOutside(target: string, mount: string): RelayError {
  const path = target.split("?", 1)[0]!;
  const detail = path.length > SHOWN ? `${path.slice(0, SHOWN)}…` : path;
  return new RelayError("ERR_RELAY_MOUNT", { path: mount || "/", detail });
}
