// The storages that are closed with the app: its own, and the one that `relay.config.ts` has created.

interface Disposable {
  dispose?: () => unknown;
}

let made: Disposable | undefined;

/** Notes the storage of the options. A part of the app's own (`useStorage("x")`) is closed with the app's. */
export function noteStorage(storage: unknown, ofApp: unknown): void {
  const given = (storage ?? {}) as Disposable;
  made = given.dispose === (ofApp as Disposable | undefined)?.dispose ? undefined : given;
}

/** Closes both: an open connection to Redis keeps a process alive. */
export async function closeStorages(ofApp: Disposable): Promise<void> {
  await Promise.all([made?.dispose?.(), ofApp.dispose?.()]);
}
