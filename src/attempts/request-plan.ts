// What a request asks for, and where it may go.
import type { Target } from "../contract/target.ts";
import type { ReadRequest } from "../http/read-request.ts";
import type { RequestContext } from "../request/request-context.ts";

export class RequestPlan {
  readonly context: RequestContext;
  readonly asked: ReadRequest;
  /** Where the request may go, in order of preference; at least one. */
  readonly targets: readonly Target[];
  /** Stickiness key; `undefined` if the request has none. */
  readonly session: string | undefined;

  constructor(
    context: RequestContext,
    asked: ReadRequest,
    targets: readonly Target[],
    session: string | undefined,
  ) {
    this.context = context;
    this.asked = asked;
    this.targets = targets;
    this.session = session;
  }

  /** Where the request goes now, or went last. Its one place is the context. */
  get target(): Target {
    return this.context.target!;
  }

  set target(target: Target) {
    this.context.target = target;
  }
}
