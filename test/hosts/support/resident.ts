/** The memory of a process and its children; Linux. */
import { readdirSync, readFileSync } from "node:fs";

/** Resident bytes of a process and all below it. */
export function residentBytes(pid: number): number {
  const children = new Map<number, number[]>();
  for (const name of readdirSync("/proc")) {
    const parent = /^\d+$/.test(name) ? Number(fieldOf(name, "PPid")) : undefined;
    if (parent) children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
  }
  const sum = (one: number): number =>
    Number(fieldOf(String(one), "VmRSS") ?? 0) * 1_024 +
    (children.get(one) ?? []).reduce((bytes, child) => bytes + sum(child), 0);
  return sum(pid);
}

function fieldOf(pid: string, name: string): string | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    return new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1];
  } catch {
    // It has ended meanwhile.
    return undefined;
  }
}
