// The schema of all options, checked before they are resolved: a fault names its path.
import * as v from "valibot";
import type { Clock } from "../contract/clock.ts";
import type { Log } from "../contract/log.ts";
import type { Transport } from "../contract/transport.ts";
import type { HookHandlers } from "../observe/hooks.ts";
import type { StateStorage } from "../state/store/storage.ts";
import { credentialSchema } from "./credential-schema.ts";
import { faultOfMount } from "./forms/mount-form.ts";
import { faultOfSecret } from "./forms/secret-form.ts";
import { faultOfStorage } from "./forms/storage-form.ts";
import {
  corsSchema,
  originsSchema,
  limitsSchema,
  responseHeadersSchema,
  schedulingSchema,
  streamingSchema,
  tokensSchema,
} from "./group-schemas.ts";
import { callable, groupOf, objectOf } from "./schema-group.ts";
import { checked, count, ms, orOff, text, texts } from "./schema-parts.ts";
import { toNetworks } from "./trust-proxy.ts";
import type { RelayOptions } from "./types.ts";
import { modelSchema, upstreamSchema } from "./upstream-schema.ts";

const proxyCount = v.pipe(
  v.number("must be the number of proxies in front of the relay, or a list of their networks"),
  v.integer("must be a whole number"),
  v.minValue(0, "must not be negative"),
);
const trustedNetwork = v.pipe(
  text,
  v.check(
    (entry) => toNetworks(entry) !== undefined,
    'must be an address, a network like 10.0.0.0/8, "loopback" or "private"',
  ),
  v.check(
    (entry) => !toNetworks(entry)?.some(({ bits }) => bits === 0),
    "must not contain every address, which would let clients choose theirs: give the number of proxies",
  ),
);

const storage = objectOf<StateStorage>()({
  getItem: callable,
  getItems: callable,
  setItem: callable,
  removeItem: callable,
  getKeys: callable,
});
const secret = checked(faultOfSecret);
const log = objectOf<Log>()({
  debug: callable,
  info: callable,
  warn: callable,
  error: callable,
});
const transport = objectOf<Transport>()({ name: text, send: callable, close: callable });

export const optionsSchema: v.GenericSchema = groupOf<RelayOptions>()(
  {
    upstream: upstreamSchema,
    upstreams: v.record(text, upstreamSchema),
    models: v.record(text, modelSchema),
    tiers: texts as v.GenericSchema<readonly string[]>,
    authorize: callable,
    clientAddress: callable,
    trustProxy: v.lazy((input) => (Array.isArray(input) ? v.array(trustedNetwork) : proxyCount)),
    instances: count,
    scheduling: schedulingSchema,
    tokens: tokensSchema,
    limits: limitsSchema,
    streaming: streamingSchema,
    storage: v.lazy((input) => {
      const fault = faultOfStorage(input);
      return fault === undefined ? storage : v.custom<StateStorage>(() => false, fault);
    }),
    base: v.pipe(
      text,
      v.regex(/^[\w.-]+(:[\w.-]+)*$/, "must be letters, digits, `_`, `.`, `-`, joined by `:`"),
      v.check(
        (base) => !base.split(":").some((part) => /^\.+$/.test(part)),
        "must not have a part of dots only: unstorage refuses such keys",
      ),
      v.maxLength(200, "must have at most 200 characters: some drivers limit the length of keys"),
    ),
    secret: v.lazy((input) =>
      Array.isArray(input) ? v.pipe(v.array(secret), v.nonEmpty("must not be empty")) : secret,
    ),
    sync: orOff(v.pipe(ms, v.minValue(50, "must be at least 50"))),
    mount: checked(faultOfMount),
    responseHeaders: responseHeadersSchema,
    origins: originsSchema,
    cors: orOff(corsSchema),
    hooks: groupOf<HookHandlers>()({
      attempt: callable,
      cooldown: callable,
      rotation: callable,
      credential: callable,
      route: callable,
      refresh: callable,
      creation: callable,
      end: callable,
    }),
    log: orOff(log),
    transport: v.lazy((input) =>
      typeof input === "string" ? v.literal("fetch", 'must be "fetch" or a transport') : transport,
    ),
    fetch: callable,
    clock: objectOf<Clock>()({ now: callable, after: callable }),
    random: callable,
  },
  { credentials: v.array(credentialSchema) },
);
