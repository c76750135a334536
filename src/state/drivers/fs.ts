// Files: the generation of a lock is part of its file's name, and the first instance that links the next name holds the lock.
// The file of an expired holder is removed only after its successor's exists, so two instances cannot take over at once.
import type * as NodeFiles from "node:fs/promises";
import type { Clock } from "../../contract/clock.ts";
import { isHeldUntil, LAST_GENERATION, type LockKind } from "./driver.ts";
import { wallTime } from "../../shared/times.ts";

interface LockFile {
  owner: string;
  until: number;
}

type Files = typeof NodeFiles;

/** Old generations that stay, so that a listing made during several takeovers still contains one of them. */
const KEPT = 4;

/** Not a literal in the `import`: a bundler for a runtime without files must not resolve it. */
const FILES: string = "node:fs/promises";

/** `folder` is the folder of the driver. Node's module is loaded on the first call, hence on Node, Deno or Bun only. */
export function createFileLocks(folder: string, clock: Clock): LockKind {
  return new FileLocks(`${folder.replace(/[\\/]+$/, "")}/.leases`, clock);
}

class FileLocks implements LockKind {
  readonly tier = "atomic";
  readonly #folder: string;
  readonly #clock: Clock;
  #files: Promise<Files> | undefined;
  #drafts = 0;

  constructor(folder: string, clock: Clock) {
    this.#folder = folder;
    this.#clock = clock;
  }

  async take(name: string, owner: string, ttl: number): Promise<number> {
    const generations = await this.#generationsOf(name);
    const last = generations[0] ?? 0;
    const held = last > 0 ? await this.#read(this.#fileOf(name, last)) : undefined;
    // Removed between listing and reading: another instance has taken the lock.
    if (last > 0 && !held) return 0;
    if (held && isHeldUntil(held.until, wallTime(this.#clock))) return 0;
    const file: LockFile = { owner, until: wallTime(this.#clock) + ttl };
    if (!(await this.#link(file, this.#fileOf(name, last + 1)))) return 0;
    // A slow instance may have linked a number that others have passed, and removed, since the listing.
    const [highest = 0] = await this.#generationsOf(name);
    if (highest > last + 1) return 0;
    await this.#removeOld(name, generations);
    return last + 1;
  }

  async release(name: string, owner: string, generation: number): Promise<void> {
    const { rename } = await this.#open();
    const file = this.#fileOf(name, generation);
    const held = await this.#read(file);
    if (held?.owner === owner) await rename(await this.#draft({ owner, until: 0 }), file);
  }

  async time(): Promise<number> {
    return wallTime(this.#clock);
  }

  #open(): Promise<Files> {
    return (this.#files ??= import(FILES) as Promise<Files>);
  }

  #fileOf(name: string, generation: number): string {
    return `${this.#folder}/${name}.${generation}`;
  }

  /** The generations of a lock that have a file, highest first. */
  async #generationsOf(name: string): Promise<number[]> {
    const { readdir, mkdir } = await this.#open();
    await mkdir(this.#folder, { recursive: true });
    return (await readdir(this.#folder))
      .filter((file) => file.startsWith(`${name}.`) && /\.\d+$/.test(file))
      .map((file) => Number(file.slice(name.length + 1)))
      .filter((generation) => generation < LAST_GENERATION)
      .toSorted((a, b) => b - a);
  }

  async #read(file: string): Promise<LockFile | undefined> {
    const { readFile } = await this.#open();
    try {
      return JSON.parse(await readFile(file, "utf8")) as LockFile;
    } catch (error) {
      // Torn when the machine lost its power: its holder has ended.
      if (error instanceof SyntaxError) return { owner: "", until: 0 };
      if ((error as { code?: unknown }).code === "ENOENT") return undefined;
      throw error;
    }
  }

  /** Writes a complete file under a temporary name; linking or renaming makes it visible in one step. */
  async #draft(content: LockFile): Promise<string> {
    const { writeFile } = await this.#open();
    const file = `${this.#folder}/draft-${content.owner}-${(this.#drafts += 1)}`;
    await writeFile(file, JSON.stringify(content));
    return file;
  }

  /** Returns false if `target` exists already. */
  async #link(content: LockFile, target: string): Promise<boolean> {
    const { link, rm } = await this.#open();
    const file = await this.#draft(content);
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

  async #removeOld(name: string, generations: readonly number[]): Promise<void> {
    const { rm } = await this.#open();
    const old = generations.slice(KEPT);
    await Promise.all(old.map((one) => rm(this.#fileOf(name, one), { force: true })));
  }
}
