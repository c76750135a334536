/** The Firebase Authentication emulator as a separate process; facts about its users are read from it. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { startProcess } from "../hosts/support/process.ts";
import { isMissing } from "./needs.ts";

const FOLDER = fileURLToPath(new URL("../hosts/firebase", import.meta.url));
const PROJECT = "demo-relay";

export const noFirebase: boolean = isMissing(
  "the Firebase Authentication emulator",
  existsSync(`${FOLDER}/node_modules/firebase-tools`),
  "npm ci --prefix test/hosts/firebase",
);

/** It first compiles its own description, which takes seven seconds of a free processor. */
export const EMULATOR_START = 120_000;

export interface FirebaseUser {
  localId: string;
  disabled?: boolean;
  /** A text of JSON. */
  customAttributes?: string;
}

export interface FirebaseCall {
  path: string;
  /** `undefined` while it is not answered. */
  status: number | undefined;
}

export interface FirebaseEmulator {
  /** The values of `endpoint` and `tokenEndpoint` for relays. */
  endpoints: { endpoint: string; tokenEndpoint: string };
  /** Resets: no users, no calls, and the clock at `now`. */
  reset(now: number): Promise<void>;
  /** The clock does not run; it is set by hand. */
  setTime(now: number): Promise<void>;
  /** While held, calls that create or refresh tokens are not answered. */
  hold(isHeld: boolean): Promise<void>;
  /** Calls of an operation since the last reset, in order: `accounts:signUp`, `token`. */
  calls(operation: string): Promise<FirebaseCall[]>;
  /** All users, as an administrator sees them. */
  users(): Promise<FirebaseUser[]>;
  /** The user that an ID token belongs to. */
  userOf(idToken: string): Promise<FirebaseUser>;
  signUp(): Promise<{ localId: string; refreshToken: string }>;
  /** Signs in a user by a token of the operator's own server, with its own claims. */
  signInWithClaims(uid: string, claims: object): Promise<{ refreshToken: string }>;
  disable(localId: string): Promise<void>;
  delete(localId: string): Promise<void>;
  stop(): Promise<void>;
}

/** Starts one, and resolves when it answers. */
export async function startFirebase(): Promise<FirebaseEmulator> {
  const { url, stop } = await startProcess({
    command: process.execPath,
    args: () => ["emulator.mjs"],
    cwd: FOLDER,
    env: { PROJECT },
    startLimit: EMULATOR_START,
  });
  const endpoints = {
    endpoint: `${url}/identitytoolkit.googleapis.com`,
    tokenEndpoint: `${url}/securetoken.googleapis.com`,
  };
  const admin = `${endpoints.endpoint}/v1/projects/${PROJECT}`;
  const asClient = (operation: string, body: object): Promise<never> =>
    call("POST", `${endpoints.endpoint}/v1/accounts:${operation}?key=the-test-itself`, body, {});
  const control = (order: object): Promise<never> => call("PUT", `${url}/control`, order);
  return {
    endpoints,
    async reset(now) {
      await call("DELETE", `${url}/emulator/v1/projects/${PROJECT}/accounts`);
      await control({ now, forget: true });
    },
    setTime: (now) => control({ now }),
    hold: (hold) => control({ hold }),
    async calls(operation) {
      const calls: FirebaseCall[] = await call("GET", `${url}/control`);
      return calls.filter(({ path }) => path.endsWith(`/v1/${operation}`));
    },
    async users() {
      const { users = [] } = await call<{ users?: FirebaseUser[] }>(
        "GET",
        `${admin}/accounts:batchGet?maxResults=1000`,
      );
      return users;
    },
    async userOf(idToken) {
      const { users } = (await asClient("lookup", { idToken })) as { users: FirebaseUser[] };
      return users[0]!;
    },
    signUp: () => asClient("signUp", { returnSecureToken: true }),
    signInWithClaims: (uid, claims) =>
      asClient("signInWithCustomToken", {
        token: JSON.stringify({ uid, claims }),
        returnSecureToken: true,
      }),
    disable: (localId) => call("POST", `${admin}/accounts:update`, { localId, disableUser: true }),
    delete: (localId) => call("POST", `${admin}/accounts:delete`, { localId }),
    stop,
  };
}

const ADMIN = { authorization: "Bearer owner" };

async function call<T>(
  method: string,
  url: string,
  body?: object,
  as: Record<string, string> = ADMIN,
): Promise<T> {
  const response = await fetch(url, {
    method,
    headers: { ...as, "content-type": "application/json" },
    ...(body && { body: JSON.stringify(body) }),
  });
  if (!response.ok)
    throw new Error(`${method} ${url}: ${response.status} ${await response.text()}`);
  return (await response.json()) as T;
}
