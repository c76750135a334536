// Files: a lock's generation is part of its file's name, and whoever links the next one first holds it. A dead holder's
// file is never removed before its successor's is there, so two can never take over at once.
import type * as NodeFiles from "node:fs/promises";
import type { Clock } from "../../contract/clock.ts";
import type { LockKind } from "./driver.ts";

interface HeldFile {
  owner: string;
  until: number;
}

type Files = typeof NodeFiles;

/** Old generations that stay, so that a listing which many pass by still shows one of theirs. */
const KEPT = 4;

/** Not a literal where it is imported: a bundler for a runtime without files must not look for it. */
const FILES: string = "node:fs/promises";

/** `folder` is the folder of the driver. Only loaded where the driver is one of files, hence Node, Deno or Bun. */
export function createFileLocks(folder: string, clock: Clock): LockKind {
  const place = `${folder.replace(/[\\/]+$/, "")}/.leases`;
  let files: Promise<Files> | undefined;
  let count = 0;

  function open(): Promise<Files> {
    return (files ??= import(FILES) as Promise<Files>);
  }

  /** Generations there are of a lock, highest first. */
  async function generationsOf(name: string): Promise<number[]> {
    const { readdir, mkdir } = await open();
    await mkdir(place, { recursive: true });
    return (await readdir(place))
      .filter((file) => file.startsWith(`${name}.`) && /\.\d+$/.test(file))
      .map((file) => Number(file.slice(name.length + 1)))
      .toSorted((a, b) => b - a);
  }

  const fileOf = (name: string, generation: number): string => `${place}/${name}.${generation}`;

  async function read(file: string): Promise<HeldFile | undefined> {
    const { readFile } = await open();
    try {
      return JSON.parse(await readFile(file, "utf8")) as HeldFile;
    } catch (error) {
      if ((error as { code?: unknown }).code === "ENOENT") return undefined;
      throw error;
    }
  }

  /** Writes a whole file beside the others; it becomes visible under its name in one step. */
  async function draft(held: HeldFile): Promise<string> {
    const { writeFile } = await open();
    const file = `${place}/draft-${held.owner}-${(count += 1)}`;
    await writeFile(file, JSON.stringify(held));
    return file;
  }

  async function linkNew(held: HeldFile, target: string): Promise<boolean> {
    const { link, rm } = await open();
    const file = await draft(held);
    try {
      await link(file, target);
      return true;
    } catch (error) {
      if ((error as { code?: unknown }).code === "EEXIST") return false;
      throw error;
    } finally {
      await rm(file, { force: true });
    }
  }

  async function tidy(name: string, generations: readonly number[]): Promise<void> {
    const { rm } = await open();
    await Promise.all(generations.slice(KEPT).map((one) => rm(fileOf(name, one), { force: true })));
  }

  return {
    tier: "atomic",
    async take(name, owner, ttl) {
      const generations = await generationsOf(name);
      const last = generations[0] ?? 0;
      const held = last > 0 ? await read(fileOf(name, last)) : undefined;
      // Gone between listing and reading: somebody has gone on.
      if (last > 0 && !held) return 0;
      if (held && held.until > clock.now()) return 0;
      const isTaken = await linkNew({ owner, until: clock.now() + ttl }, fileOf(name, last + 1));
      if (!isTaken) return 0;
      // Who was slow may have taken a number that others have left behind, and tidied away, since it looked.
      const [highest = 0] = await generationsOf(name);
      if (highest > last + 1) return 0;
      await tidy(name, generations);
      return last + 1;
    },
    async release(name, owner, generation) {
      const { rename } = await open();
      const file = fileOf(name, generation);
      const held = await read(file);
      if (held?.owner === owner) await rename(await draft({ owner, until: 0 }), file);
    },
    time: async () => clock.now(),
  };
}
