/** TypeScript's messages for mistakes in options, and an editor's completions. right.ts has what compiles. */
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const HEAD = `
import { defineRelay as defineWorker } from "../../adapters/cloudflare.ts";
import { defineRelay as defineNode } from "../../adapters/node.ts";
import { createRelay, type CredentialOptions, defineRelay, type RelayOptions } from "../../src/index.ts";
declare const env: Record<string, string | undefined>;
const upstream = { baseURL: "https://api.example.com/v1", dialect: "openai" } as const;
const credentials = [{ id: "a", apiKey: "k" }];
`;

/** Code, and the last line of the compiler's message. */
const WRONG: Record<string, [code: string, message: string]> = {
  "a dialect in capitals": [
    `createRelay({ credentials, upstream: { baseURL: "https://x/v1", dialect: "OpenAI" } });`,
    "Type '\"OpenAI\"' is not assignable to type 'DialectName | Dialect'. Did you mean '\"openai\"'?",
  ],
  "a dialect from the environment": [
    `createRelay({ credentials, upstream: { baseURL: "https://x/v1", dialect: env["DIALECT"] } });`,
    "Type 'undefined' is not assignable to type 'DialectName | Dialect'.",
  ],
  "no dialect": [
    `createRelay({ credentials, upstream: { baseURL: "https://x/v1" } });`,
    "Property 'dialect' is missing in type '{ baseURL: string; }' but required in type 'UpstreamOptions'.",
  ],
  "no base URL": [
    `createRelay({ credentials, upstream: { dialect: "openai" } });`,
    "Property 'baseURL' is missing in type '{ dialect: \"openai\"; }' but required in type 'UpstreamOptions'.",
  ],
  "no upstream": [
    `createRelay({ credentials });`,
    "Property 'upstream' is missing in type '{ credentials: { id: string; apiKey: string; }[]; }' but required in type 'OneUpstream<never>'.",
  ],
  "`upstream` and `upstreams` together": [
    `createRelay({ credentials, upstream, upstreams: { one: upstream } });`,
    "Type '…' is not assignable to type 'undefined'.",
  ],
  "no credentials": [
    `createRelay({ upstream });`,
    "Property 'credentials' is missing in type '…' but required in type 'OneUpstream<never>'.",
  ],
  "a credential without a key": [
    `createRelay({ upstream, credentials: [{ id: "a" }] });`,
    "Property 'apiKey' is missing in type '{ id: string; }' but required in type 'KeyCredential<never>'.",
  ],
  "a credential with a key and a token": [
    `createRelay({ upstream, credentials: [{ id: "a", apiKey: "k", token: () => ({ accessToken: "t" }) }] });`,
    "Type '() => { accessToken: string; }' is not assignable to type 'undefined'.",
  ],
  "a credential without an id": [
    `createRelay({ upstream, credentials: [{ apiKey: "k" }] });`,
    "Property 'id' is missing in type '{ apiKey: string; }' but required in type 'KeyCredential<never>'.",
  ],
  "a tier by name without `tiers`": [
    `createRelay({ upstream, credentials: [{ id: "a", apiKey: "k", tier: "pro" }] });`,
    "Type 'string' is not assignable to type 'number'.",
  ],
  "a tier misspelt": [
    `createRelay({ upstream, tiers: ["free", "pro"], credentials: [{ id: "a", apiKey: "k", tier: "prop" }] });`,
    'Type \'"prop"\' is not assignable to type \'number | "pro" | "free" | undefined\'. Did you mean \'"pro"\'?',
  ],
  "an unknown option": [
    `createRelay({ upstream, credentials, credential: [] });`,
    "Object literal may only specify known properties, and 'credential' does not exist in type '…'.",
  ],
  "an unknown option of a credential": [
    `createRelay({ upstream, credentials: [{ id: "a", apiKey: "k", maxInflight: 2 }] });`,
    "Object literal may only specify known properties, but 'maxInflight' does not exist in type 'KeyCredential<never>'. Did you mean to write 'maxInFlight'?",
  ],
  "a number as text": [
    `createRelay({ upstream, credentials, limits: { maxAttempts: "3" } });`,
    "Type 'string' is not assignable to type 'number'.",
  ],
  "a reason misspelt": [
    `createRelay({ upstream, credentials, limits: { disableOn: ["UNAUTHORISED"] } });`,
    "Type '\"UNAUTHORISED\"' is not assignable to type 'RuleReason'.",
  ],
  "in a factory: the upstream misspelt": [
    `defineRelay(() => ({ upstreem: upstream, credentials }));`,
    "Type '…' is not assignable to type 'NotAnOption<\"upstreem\">'.",
  ],
  "in a factory: no upstream": [
    `defineRelay(() => ({ credentials }));`,
    "Type '() => { credentials: { id: string; apiKey: string; }[]; }' is not assignable to type 'GiveOneOf<\"upstream\" | \"upstreams\">'.",
  ],
  "in a factory: no upstream, with declared credentials": [
    `declare const declared: CredentialOptions[]; defineRelay(() => ({ credentials: declared }));`,
    "Type '() => { credentials: CredentialOptions[]; }' is not assignable to type 'GiveOneOf<\"upstream\" | \"upstreams\">'.",
  ],
  "in a factory: `upstream` and `upstreams` together": [
    `defineRelay(() => ({ upstream, upstreams: { one: upstream }, credentials }));`,
    "Type '…' is not assignable to type 'GiveOneOf<\"upstream\" | \"upstreams\">'.",
  ],
  "in a factory: an unknown option": [
    `defineRelay(() => ({ upstream, credentials, hook: {} }));`,
    "Type '…' is not assignable to type 'NotAnOption<\"hook\">'.",
  ],
  "in a factory: an unknown option of a group": [
    `defineRelay(() => ({ upstream, credentials, streaming: { heartbeat: 1_000, idleTimout: 5_000 } }));`,
    "Type '…' is not assignable to type 'NotAnOption<\"streaming.idleTimout\">'.",
  ],
  "in a factory: an unknown option of a credential": [
    `defineRelay(() => ({ upstream, credentials: [{ id: "a", apiKey: env["KEY"], maxInflight: 3 }] }));`,
    "Type '…' is not assignable to type 'NotAnOption<\"credentials[].maxInflight\">'.",
  ],
  "in a factory: an unknown option deep inside": [
    `defineRelay(() => ({ upstream, credentials, limits: { rules: [{ when: { status: 402, txt: "a" }, then: { reason: "BILLING" } }] } }));`,
    "Type '…' is not assignable to type 'NotAnOption<\"limits.rules[].when.txt\">'.",
  ],
  "in a factory: an unknown option of one of several upstreams": [
    `defineRelay(() => ({ upstreams: { one: { ...upstream, url: "https://x" } }, credentials }));`,
    "Type '…' is not assignable to type 'NotAnOption<\"upstreams.one.url\">'.",
  ],
  "in a factory: a dialect in capitals": [
    `defineRelay(() => ({ upstream: { baseURL: "https://x/v1", dialect: "OpenAI" }, credentials }));`,
    "Type '\"OpenAI\"' is not assignable to type 'DialectName | Dialect'. Did you mean '\"openai\"'?",
  ],
  "in a factory: a tier misspelt": [
    `defineRelay(() => ({ upstream, tiers: ["free", "pro"], credentials: [{ id: "a", apiKey: "k", tier: "prop" }] }));`,
    'Type \'"prop"\' is not assignable to type \'number | "pro" | "free" | undefined\'. Did you mean \'"pro"\'?',
  ],
  "in a factory: a credential without a key": [
    `defineRelay(() => ({ upstream, credentials: [{ id: "a" }] }));`,
    "Property 'apiKey' is missing in type '{ id: string; }' but required in type 'KeyCredential<string>'.",
  ],
  "in an asynchronous factory": [
    `defineRelay(async () => ({ upstream, credentials, streeming: {} }));`,
    "Type '…' is not assignable to type 'NotAnOption<\"streeming\">'.",
  ],
  "in a function body": [
    `defineNode(() => { return { upstream, credentials, mout: "/ai" }; });`,
    "Type '…' is not assignable to type 'NotAnOption<\"mout\">'.",
  ],
  "in a Worker's factory": [
    `defineWorker((worker: { KEY: string }) => ({ upstream, credentials: [{ id: "a", apiKey: worker.KEY }], mout: "/ai" }));`,
    "Type '…' is not assignable to type 'NotAnOption<\"mout\">'.",
  ],
  "in an annotation: no upstream": [
    `export const none: RelayOptions = { credentials };`,
    "Property 'upstream' is missing in type '{ credentials: { id: string; apiKey: string; }[]; }' but required in type 'OneUpstream<string>'.",
  ],
  "in an annotation: an unknown option": [
    `export const unknown: RelayOptions = { upstream, credentials, mout: "/ai" };`,
    "Object literal may only specify known properties, but 'mout' does not exist in type 'OneUpstream<string>'. Did you mean to write 'mount'?",
  ],
};

const names = Object.keys(WRONG);
const pathOf = (at: number): string => `${root}test/types/wrong-${at}.ts`;
const files = new Map(names.map((name, at) => [pathOf(at), `${HEAD}${WRONG[name]![0]}\n`]));

/** A language service over the project's sources and the files above. */
function createService(): ts.LanguageService {
  const { config } = ts.readConfigFile(`${root}tsconfig.json`, ts.sys.readFile) as {
    config: object;
  };
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [] }, ts.sys, root);
  const read = (path: string): string | undefined => files.get(path) ?? ts.sys.readFile(path);
  return ts.createLanguageService({
    getCompilationSettings: () => ({ ...options, noUnusedLocals: false }),
    getScriptFileNames: () => [...files.keys()],
    getScriptVersion: () => "1",
    getScriptSnapshot(path) {
      const text = read(path);
      return text === undefined ? undefined : ts.ScriptSnapshot.fromString(text);
    },
    getCurrentDirectory: () => root,
    getDefaultLibFileName: ts.getDefaultLibFilePath,
    fileExists: (path) => files.has(path) || ts.sys.fileExists(path),
    readFile: read,
    directoryExists: ts.sys.directoryExists,
  });
}

const service = createService();

/** The last line of each error, which has the cause. */
function messagesOf(path: string): string[] {
  return service.getSemanticDiagnostics(path).map(({ messageText }) =>
    ts
      .flattenDiagnosticMessageText(messageText, "\n")
      .split("\n")
      .at(-1)!
      .trim()
      .replace(/'[^']{60,}'/g, "'…'"),
  );
}

describe("K13 TypeScript refuses", { timeout: 120_000 }, () => {
  it.each(names.map((name, at) => [name, at] as const))("K13 %s", (name, at) => {
    expect(messagesOf(pathOf(at))).toEqual([WRONG[name]![1]]);
  });
});

/** Completions at the `|` in a literal. */
function completionsOf(code: string): string[] {
  const path = `${root}test/types/offered-${files.size}.ts`;
  files.set(path, HEAD + code.replace("|", ""));
  const at = HEAD.length + code.indexOf("|");
  const { entries = [] } = service.getCompletionsAtPosition(path, at, {}) ?? {};
  return entries.map(({ name }) => name);
}

describe("K13 an editor offers", { timeout: 120_000 }, () => {
  it.each([
    ["a plain object", "createRelay({ upstream: { dialect: '|' } });"],
    ["a factory", "defineRelay(() => ({ upstream: { dialect: '|' } }));"],
    ["an asynchronous factory", "defineRelay(async () => ({ upstream: { dialect: '|' } }));"],
    ["a Worker's factory", "defineWorker((worker) => ({ upstream: { dialect: '|' } }));"],
  ])("K13 the dialects in %s", (_where, code) => {
    expect(completionsOf(code).toSorted()).toEqual(["anthropic", "generic", "google", "openai"]);
  });

  it.each([
    ["a plain object", "createRelay({ streaming: { | } });"],
    ["a factory", "defineRelay(() => ({ streaming: { | } }));"],
    ["an asynchronous factory", "defineRelay(async () => ({ streaming: { | } }));"],
  ])("K13 the options of a group in %s", (_where, code) => {
    expect(completionsOf(code)).toEqual(expect.arrayContaining(["heartbeat", "idleTimeout"]));
  });

  it.each([
    [
      "a plain object",
      "createRelay({ upstream, credentials: [{ id: 'a', apiKey: 'k', tier: '|' }], tiers: ['free', 'pro'] });",
    ],
  ])("K13 the tiers in %s", (_where, code) => {
    expect(completionsOf(code)).toEqual(expect.arrayContaining(["free", "pro"]));
  });
});
