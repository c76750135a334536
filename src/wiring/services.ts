// Everything that the requests of one relay share.
import type { CredentialsDeps } from "../admin/credentials-api.ts";
import type { StatusDeps } from "../admin/status.ts";
import type { AttemptServices } from "../attempts/attempt-services.ts";
import type { BodyBudget } from "../callers/body-budget.ts";
import type { CallerAdmission } from "../callers/admission.ts";
import type { FaultLog } from "../observe/fault-log.ts";
import type { OpenRequests } from "../request/open-requests.ts";
import type { SessionOf } from "../request/session-key.ts";
import type { Planner } from "../routing/planner.ts";
import type { PathNode } from "../shared/json-paths.ts";

export interface Services
  extends
    AttemptServices,
    Omit<StatusDeps, keyof AttemptServices>,
    Omit<CredentialsDeps, keyof AttemptServices> {
  planner: Planner;
  admission: CallerAdmission;
  openRequests: OpenRequests;
  bodies: BodyBudget;
  /** The fields that are read of a large request body. */
  bodyPaths: PathNode;
  faultLog: FaultLog;
  sessionOf: SessionOf;
  /** Creates the id of a request. */
  nextId(): string;
  /** Resolves when state and transport are ready. Rejects if the transport cannot be created. */
  ready: Promise<void>;
  /** Resolves when a request may be attempted; `undefined` if it may be attempted now. */
  loaded(): Promise<void> | undefined;
  /** Deletes expired records once a minute, and loads the state again if that has failed. */
  tidy(): void;
  /** Resolves when no load, refresh or write is under way. */
  settled(): Promise<void>;
  isClosing(): boolean;
  close(): Promise<void>;
}
