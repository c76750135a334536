import { expect, it } from "vitest";
import { denialOf } from "../../src/shared/denied-permission.ts";

function denial(message: string, name = "NotCapable"): Error {
  return Object.assign(new Error(message), { name });
}

it.each([
  [
    'Requires net access to "api.example.com:443", run again with the --allow-net flag',
    "Deno denied network access to api.example.com:443: run with --allow-net=api.example.com",
  ],
  [
    'Requires net access to "127.0.0.1:4010", run again with the --allow-net flag',
    "Deno denied network access to 127.0.0.1:4010: run with --allow-net=127.0.0.1:4010",
  ],
  [
    'Requires net access to "[::1]:80", run again with the --allow-net flag',
    "Deno denied network access to [::1]:80: run with --allow-net=[::1]",
  ],
  [
    'Requires env access to "KEY_A", run again with the --allow-env flag',
    "Deno denied env access to KEY_A: run with --allow-env=KEY_A",
  ],
  [
    "Requires env access, run again with the --allow-env flag",
    "Deno denied env access: run with --allow-env",
  ],
  [
    'Requires read access to "/srv/data", run again with the --allow-read flag',
    "Deno denied read access to /srv/data: run with --allow-read=/srv/data",
  ],
  [
    'Requires write access to "/srv/data", run again with the --allow-write flag',
    "Deno denied write access to /srv/data: run with --allow-write=/srv/data",
  ],
  [
    'Requires sys access to "hostname", run again with the --allow-sys flag',
    "Deno denied sys access to hostname: run with --allow-sys=hostname",
  ],
])("%s", (message, line) => {
  expect(denialOf(denial(message))).toBe(line);
  expect(denialOf(denial(message, "PermissionDenied"))).toBe(line);
  expect(denialOf(new TypeError("fetch failed", { cause: denial(message) }))).toBe(line);
});

it("recognises Deno KV without its flag, from unstorage's driver and from Deno", () => {
  const line = "Deno KV is switched off: run with --unstable-kv";
  const driver = "[deno-kv] Missing `Deno.openKv`. Are you running Deno with --unstable-kv?";
  expect(denialOf(new Error(driver))).toBe(line);
  expect(denialOf(new TypeError("Deno.openKv is not a function"))).toBe(line);
});

it.each([
  ["an operating system's refusal", denial("Permission denied (os error 13)", "PermissionDenied")],
  ["a refused connection", new TypeError("error sending request for url")],
  [
    "the same words in another error",
    new Error('Requires net access to "a", run again with the --allow-net flag'),
  ],
  ["no error", "NotCapable"],
  ["nothing", undefined],
])("ignores %s", (_, error) => {
  expect(denialOf(error)).toBeUndefined();
});

it("ends where an error is its own cause", () => {
  const error = new Error("x");
  error.cause = error;
  expect(denialOf(error)).toBeUndefined();
});
