// Finds the mount path of a relay inside an h3 2 app, and the rest of the path as the client wrote it.
import { RelayError } from "../shared/errors.ts";
import { isNormal } from "./path.ts";

/** The fields of an h3 2 event from which the mount path of its handler is derived. */
export interface MountedEvent {
  readonly url: { readonly pathname: string };
  readonly context: {
    readonly params?: Readonly<Record<string, string>>;
    readonly matchedRoute?: { readonly route?: string; readonly handler?: unknown };
    readonly middlewareParams?: Readonly<Record<string, string>>;
  };
}

/** Counts the path segments that follow the mount path of `handler`. */
export function countTail({ url, context }: MountedEvent, handler: unknown): number {
  // `withBase` and nested apps shorten the path, but the rest is never shorter than the tail.
  return Math.min(
    countSegments(url.pathname.slice(1)),
    countSegments(wildcardOf(context, handler)),
  );
}

/** The part of the path that the wildcard of the matched pattern covers. */
function wildcardOf(
  { params, matchedRoute, middlewareParams }: MountedEvent["context"],
  handler: unknown,
): string | undefined {
  const pattern = /^(.*)\/\*\*:?(\w*)$/.exec(matchedRoute?.route ?? "");
  const ofRoute = pattern ? (params?.[pattern[2] || "_"] ?? "") : undefined;
  const ofMiddleware = middlewareParams?.["_"];
  // A route's handler may be wrapped; as a middleware it is most likely registered before a catch-all route.
  const isRoute = matchedRoute?.handler === handler || (pattern !== null && pattern[1] !== "");
  return isRoute ? (ofRoute ?? ofMiddleware) : (ofMiddleware ?? ofRoute);
}

/** Counts the segments between slashes, without an empty last one. Without a wildcard the whole path is the tail. */
export function countSegments(path: string | undefined): number {
  if (path === undefined) return Infinity;
  return path === "" ? 0 : path.replace(/\/$/, "").split("/").length;
}

/**
 * Splits a raw request target `count` segments before its end. The host's own view of the path is decoded or normalised; the raw target is
 * not changed, and anything unusual in it is rejected later.
 */
export function splitTarget(raw: string, count: number): { mount: string; target: string } {
  const mark = raw.indexOf("?");
  const path = mark < 0 ? raw : raw.slice(0, mark);
  let at = path.endsWith("/") ? path.length - 1 : path.length;
  for (let left = count; left > 0 && at >= 0; left--) at = path.lastIndexOf("/", at - 1);
  const start = Math.max(at, 0);
  return { mount: path.slice(0, start), target: raw.slice(start) };
}

/** True when a path is the mount path or is below it. */
export function isUnder(pathname: string, mount: string): boolean {
  return pathname.startsWith(mount) && /^(?:[/?]|$)/.test(pathname.slice(mount.length));
}

/** A request target, split at the mount path. */
export interface MountedTarget {
  /** `undefined` where the target is outside the mount path, or there is no mount path. */
  mount: string | undefined;
  /** The part after the mount path; the whole target where there is no mount path. */
  target: string;
}

/** Removes the mount path from a raw target. */
export function cutMount(raw: string, mount: string | undefined): MountedTarget {
  return mount !== undefined && isUnder(raw, mount)
    ? { mount, target: raw.slice(mount.length) }
    : { mount: undefined, target: raw };
}

/** A web request. Some hosts show the path as the client sent it: Deno in `url`, srvx on Node in the message behind the request. */
export interface ShownRequest {
  readonly url: string;
  readonly runtime?: { readonly node?: { readonly req?: { readonly url?: string } } };
}

/**
 * Splits the URL of a web request at the mount path. A path that the host shows raw and that is not normal stays as it is: it counts as
 * inside, wherever it leads, and is rejected with an error in the dialect (N3).
 */
export function placeRequest(request: ShownRequest, mount: string | undefined): MountedTarget {
  const raw = request.runtime?.node?.req?.url ?? pathOf(request.url);
  if (!isNormal(raw)) return { mount: mount ?? "", target: raw };
  const { pathname, search } = new URL(request.url);
  return cutMount(pathname + search, mount);
}

/** The path of a URL as it is written. */
function pathOf(url: string): string {
  const start = url.indexOf("/", url.indexOf("://") + 3);
  if (start < 0) return "/";
  const end = url.slice(start).search(/[?#]/);
  return end < 0 ? url.slice(start) : url.slice(start, start + end);
}

/**
 * True when the option `mount` decides (L15): where the router has removed nothing, or less than the option says. A catch-all route at the
 * root is not a mount path; `mount: "/"` means that everything is relayed.
 */
export function isOptionDecisive(
  byRouter: string | undefined,
  option: string | undefined,
): boolean {
  return !byRouter || (option !== undefined && isUnder(option, byRouter));
}

/** Splits a raw target `count` segments before its end, or at the option `mount` where the option decides. */
export function placeUnder(raw: string, count: number, option: string | undefined): MountedTarget {
  const place = splitTarget(raw, count);
  // A router treats a backslash as a slash, so the counts differ. The path is left unchanged and rejected later.
  if (place.mount === "" && raw.split("?", 1)[0]!.includes("\\")) return place;
  return isOptionDecisive(place.mount, option) ? cutMount(raw, option) : place;
}

const PLAIN = /^(?:\/[\w\-.~]+)*$/;

/** Normalises a mount path: a slash at the start, none at the end, encoded; `""` for `/`. */
export function toMount(mount: string): string {
  if (PLAIN.test(mount)) return mount;
  const path = `/${mount.replace(/^\/+|\/+$/g, "")}`;
  return new URL(path, "http://localhost").pathname.replace(/\/$/, "");
}

/** Maximum number of characters of a path in an error. */
const SHOWN = 200;

/** The error for a path outside the mount path. It names both, because a server in front may have shortened or rewritten the path. */
export function toOutside(target: string, mount: string): RelayError {
  const path = target.split("?", 1)[0]!;
  const detail = path.length > SHOWN ? `${path.slice(0, SHOWN)}…` : path;
  return new RelayError("ERR_RELAY_MOUNT", { path: mount || "/", detail });
}
