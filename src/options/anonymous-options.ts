// Resolves credentials that are sources of anonymous tokens.
import type { AcquirerConfig } from "../contract/anonymous-source.ts";
import type { Credential } from "../contract/credential.ts";
import type { CredentialOptions } from "./credential-types.ts";
import { withoutUndefined } from "../shared/json.ts";
import { CREDENTIAL_DEFAULTS } from "./defaults.ts";
import { wrong } from "./faults.ts";

/** Options that apply only to sources of anonymous tokens. */
const OF_ACQUIRERS = ["maxLive", "createLimit", "expectedRequests", "lowWater"] as const;

/** Resolves a source of anonymous tokens; `undefined` for every other credential. */
export function resolveAcquirer(
  options: CredentialOptions,
  credential: Credential,
  path: string,
): AcquirerConfig | undefined {
  const {
    anonymous,
    apiKey,
    token,
    maxLive = CREDENTIAL_DEFAULTS.maxLive,
    expectedRequests,
    lowWater,
  } = options;
  if (anonymous === undefined) {
    // Without the option `anonymous`, the missing key is the fault, which has been reported.
    if (apiKey === undefined && token === undefined && "anonymous" in options)
      wrong(`${path}.anonymous`, "is missing");
    const foreign = OF_ACQUIRERS.find((name) => options[name] !== undefined);
    if (foreign) wrong(`${path}.${foreign}`, "applies only to credentials with `anonymous`");
    return undefined;
  }
  if (apiKey !== undefined) wrong(`${path}.apiKey`, "cannot be combined with `anonymous`");
  if (token !== undefined) wrong(`${path}.token`, "cannot be combined with `anonymous`");
  if (lowWater !== undefined && expectedRequests === undefined)
    wrong(`${path}.lowWater`, "needs `expectedRequests`");
  if (lowWater !== undefined && maxLive < 2)
    wrong(
      `${path}.lowWater`,
      "needs `maxLive` above 1, because the next token is created while the last is in use",
    );
  const { key = credential.id, ...limits } = options.createLimit ?? {};
  return {
    ...credential,
    source: typeof anonymous === "function" ? { create: anonymous } : anonymous,
    maxLive,
    limits: { ...CREDENTIAL_DEFAULTS.createLimit, ...withoutUndefined(limits) },
    limiter: key,
    expectedRequests,
    lowWater,
  };
}
