// The upstream call: path, query, headers and body of one attempt.
import type { UsageOption } from "../contract/dialect.ts";
import type { Target } from "../contract/target.ts";
import type { Outgoing } from "../contract/transport.ts";
import { toOutgoingHeaders } from "../http/headers.ts";
import { withoutParameters } from "../http/path.ts";
import { type ReadRequest, scanOf } from "../http/read-request.ts";
import { renameInBody, renameInPath } from "../routing/rename-model.ts";
import { joinBytes } from "../shared/bytes.ts";
import { applyEdits, type Edit, setField } from "../shared/json-edits.ts";
import { compilePaths, type PathNode } from "../shared/json-paths.ts";
import type { Selection } from "./attempt-state.ts";
import type { RequestPlan } from "./request-plan.ts";

/** Builds the call that sends a request to its target with the selected credential. */
export function buildCall(
  { context, asked, target }: RequestPlan,
  { circuitCall, secret, usageOption }: Selection,
): Outgoing {
  const { dialect } = target;
  const { origin, basePath } = circuitCall.endpoint;
  const query = withoutParameters(asked.query, dialect.secretParameters);
  const headers = toOutgoingHeaders(context.call, target, dialect.credentialHeader(secret!));
  const path = basePath + pathOf(asked, target) + query || "/";
  const { method, body } = asked;
  const edits = body ? editsOf(asked, body, target, usageOption) : [];
  if (!body || (edits.length === 0 && body.length <= SMALL_BODY))
    return { method, origin, path, headers, body };
  return new LargeCall({ method, origin, path, headers }, applyEdits(body, edits));
}

/** A body up to this size is sent at once, in bytes; a larger one in pieces. */
const SMALL_BODY = 16_384;

/** A call whose body is not joined unless the transport asks for it. */
class LargeCall implements Outgoing {
  readonly method: string;
  readonly origin: string;
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly pieces: readonly Uint8Array[];

  constructor(
    { method, origin, path, headers }: Omit<Outgoing, "body" | "pieces">,
    pieces: readonly Uint8Array[],
  ) {
    this.method = method;
    this.origin = origin;
    this.path = path;
    this.headers = headers;
    this.pieces = pieces;
  }

  get body(): Uint8Array {
    return joinBytes(this.pieces);
  }
}

/** A fallback's model, or the name without its quota pool. */
function newName({ model, replaces }: Target): string | undefined {
  return replaces === undefined || replaces === model ? undefined : model;
}

function pathOf({ path }: ReadRequest, target: Target): string {
  const name = newName(target);
  return name === undefined ? path : (renameInPath(path, target.replaces!, name) ?? path);
}

function editsOf(
  asked: ReadRequest,
  body: Uint8Array,
  target: Target,
  usageOption: UsageOption | undefined,
): Edit[] {
  const name = newName(target);
  if (name === undefined && !usageOption) return NO_EDITS;
  const root = scanOf(asked, pathsFor(usageOption))?.root;
  const edits: (Edit | undefined)[] = [
    name === undefined ? undefined : renameInBody(body, root, name),
    usageOption && setField(body, root, usageOption.path, "true"),
  ];
  return edits.filter((edit) => edit !== undefined);
}

const NO_EDITS: Edit[] = [];

const MODEL = compilePaths(["model"]);
/** The paths of edits that set a dialect's option, by the option. */
const PATHS = new WeakMap<UsageOption, PathNode>();

function pathsFor(option: UsageOption | undefined): PathNode {
  if (!option) return MODEL;
  const paths = PATHS.get(option) ?? compilePaths(["model", option.path.join(".")]);
  PATHS.set(option, paths);
  return paths;
}
