// The schema of a credential.
import * as v from "valibot";
import type { AnonymousSource } from "../contract/anonymous-source.ts";
import type { TokenSource } from "../contract/token-source.ts";
import { faultOfKey } from "../shared/key-faults.ts";
import type { CreateLimitOptions, CredentialOptions, ModelAccess } from "./credential-types.ts";
import { callable, groupOf, objectOf } from "./schema-group.ts";
import { checked, count, finite, flag, text, texts } from "./schema-parts.ts";

const tokenSource = objectOf<TokenSource>()(
  { kind: text, rotates: flag, refresh: callable },
  { refreshToken: text },
  "must be a function or a source such as `oauth(…)`; for a static key use `apiKey`",
);
const anonymousSource = groupOf<AnonymousSource>()({ refresh: callable }, { create: callable });

export const credentialSchema: v.GenericSchema<CredentialOptions> = groupOf<CredentialOptions>()(
  {
    label: text,
    upstream: text,
    apiKey: checked(faultOfKey),
    token: v.lazy((input) => (typeof input === "function" ? callable : tokenSource)),
    anonymous: v.lazy((input) => (typeof input === "function" ? callable : anonymousSource)),
    maxLive: count,
    createLimit: groupOf<CreateLimitOptions>()({
      perHour: count,
      perDay: count,
      spacing: v.pipe(finite, v.gtValue(0, "must be above 0")),
      key: text,
    }),
    expectedRequests: count,
    lowWater: count,
    tier: v.lazy((input) => (typeof input === "string" ? text : finite)),
    models: groupOf<ModelAccess>()({ allow: texts, deny: texts }),
    weight: v.pipe(count, v.maxValue(100, "must be at most 100")),
    maxInFlight: count,
  },
  // "*" means every credential wherever a cooldown is kept.
  { id: v.pipe(text, v.notValue("*", "must not be `*`")) },
  "must be an object like `{ id, apiKey }`",
);
