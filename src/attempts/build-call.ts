// The upstream call: path, query, headers and body of one attempt.
import type { UsageOption } from "../contract/dialect.ts";
import type { Target } from "../contract/target.ts";
import type { Outgoing } from "../contract/transport.ts";
import { toOutgoingHeaders } from "../http/headers.ts";
import { withoutParameters } from "../http/path.ts";
import type { ReadRequest } from "../http/read-request.ts";
import { renameInBody, renameInPath } from "../routing/rename-model.ts";
import { setInBody } from "../shared/json-bytes.ts";
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
  const { path, body: named } = withModel(asked, target);
  const body = named && usageOption ? withUsage(named, usageOption) : named;
  return { method: asked.method, origin, path: basePath + path + query || "/", headers, body };
}

function withUsage(body: Uint8Array, { path }: UsageOption): Uint8Array {
  return setInBody(body, path, "true") ?? body;
}

// A fallback's model, or the name without its quota pool: replaced in the body, and in the path if it is there.
function withModel(
  asked: ReadRequest,
  { model, replaces }: Target,
): Pick<ReadRequest, "path" | "body"> {
  const { path, body } = asked;
  if (replaces === undefined || replaces === model) return asked;
  return {
    path: renameInPath(path, replaces, model) ?? path,
    body: body && asked.json !== undefined ? (renameInBody(body, model) ?? body) : body,
  };
}
