// The schema of an upstream, its quota pools and its models.
import * as v from "valibot";
import type { Dialect, UsageOption } from "../contract/dialect.ts";
import type { OperationPlaces, OperationTable } from "../contract/operations.ts";
import { DIALECTS } from "../dialects/builtin.ts";
import { faultOfBaseURL } from "./forms/base-url-form.ts";
import { NEVER_PASSED, NEVER_RETURNED, TRANSPORT_OWN } from "./header-rules.ts";
import { callable, groupOf, objectOf } from "./schema-group.ts";
import { parsePattern } from "../shared/path-patterns.ts";
import {
  checked,
  flag,
  headerBut,
  headerName,
  headerValue,
  ms,
  oneOf,
  orOff,
  text,
  texts,
} from "./schema-parts.ts";
import type {
  DialectName,
  ModelOptions,
  QuotaPoolOptions,
  UpstreamOptions,
} from "./upstream-types.ts";

const baseURL = checked(faultOfBaseURL);
const passHeaders = v.array(
  headerBut(NEVER_PASSED, "cannot be passed from a client to an upstream"),
);
const passResponseHeaders = v.array(
  headerBut(NEVER_RETURNED, "cannot be passed from an upstream to a client"),
);
const headers = v.record(headerBut(TRANSPORT_OWN, "is set by the relay itself"), headerValue);

const kinds = v.record(
  text,
  v.array(
    v.pipe(
      text,
      v.check(
        (pattern) => parsePattern(pattern) !== undefined,
        "must be a method and a path: `GET /files/{id}`",
      ),
    ),
  ),
);
const places = objectOf<OperationPlaces>()({ kinds: texts, from: text, to: texts });

const dialect = objectOf<Dialect>()(
  {
    name: text,
    readModel: callable,
    needsModel: callable,
    wantsStream: callable,
    credentialHeader: callable,
    classifyEvent: callable,
    mayBeSignificant: callable,
    readUsage: callable,
    renderError: callable,
    renderErrorEvent: callable,
    passHeaders,
    secretParameters: texts,
    version: v.picklist(["required", "optional"], 'must be "required" or "optional"'),
    codes: v.looseObject({}),
  },
  {
    operations: objectOf<OperationTable>()(
      { defaults: kinds, restricted: kinds },
      { prefixes: texts, hasVerbs: flag, places: v.array(places) },
    ),
    bodyPaths: texts,
    eventPaths: texts,
    judge: callable,
    isCompleteWith: callable,
    usageOption: objectOf<UsageOption>()({
      path: v.pipe(texts, v.nonEmpty("must not be empty")),
      isMissing: callable,
      isAnswer: callable,
    }),
  },
);
const dialectNames = Object.keys(DIALECTS) as DialectName[];

const pool = groupOf<QuotaPoolOptions>()(
  { baseURL, backups: v.array(baseURL), headers },
  { name: v.pipe(text, v.regex(/^[\w.-]+$/, "must be letters, digits, `_`, `.`, `-`")) },
);

export const upstreamSchema: v.GenericSchema<UpstreamOptions> = groupOf<UpstreamOptions>()(
  {
    allow: texts,
    headers,
    secretHeaders: v.array(headerName),
    passHeaders,
    passResponseHeaders,
    dropResponseHeaders: v.array(headerName),
    pools: v.array(pool),
    backups: v.array(baseURL),
    quotaFallback: flag,
    quota: callable,
    quotaEvery: orOff(v.pipe(ms, v.minValue(1_000, "must be at least 1000"))),
  },
  {
    baseURL,
    dialect: v.lazy((input) =>
      typeof input === "object" && input !== null
        ? dialect
        : oneOf(
            dialectNames,
            `must be one of ${dialectNames.join(", ")}, or a dialect of your own`,
          ),
    ),
  },
  "must be an object like `{ baseURL, dialect }`",
);

export const modelSchema: v.GenericSchema<ModelOptions> = groupOf<ModelOptions>()({
  upstream: text,
  fallback: texts,
});
