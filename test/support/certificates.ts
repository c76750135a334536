/** Certificates for tests, created by openssl: self-signed, and one that has expired. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isMissing } from "./needs.ts";

export interface Certificate {
  key: Buffer;
  cert: Buffer;
}

export const noOpenSSL: boolean = isMissing("openssl", hasOpenSSL(), "apt-get install openssl");

function hasOpenSSL(): boolean {
  try {
    execFileSync("openssl", ["version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** Creates a self-signed certificate for 127.0.0.1 that is valid for `days`; a negative number creates an expired one. */
export function makeCertificate(days: number): Certificate {
  const folder = mkdtempSync(join(tmpdir(), "relay-cert-"));
  const file = (name: string): string => join(folder, name);
  const openssl = (line: string): void =>
    void execFileSync("openssl", line.split(" "), { cwd: folder, stdio: "ignore" });
  try {
    writeFileSync(file("ext"), "subjectAltName=IP:127.0.0.1\n");
    openssl("req -new -newkey rsa:2048 -nodes -keyout key -out csr -subj /CN=localhost");
    openssl(`x509 -req -in csr -signkey key -days ${days} -extfile ext -out cert`);
    return { key: readFileSync(file("key")), cert: readFileSync(file("cert")) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
