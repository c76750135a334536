/** Connection events of a driver's client: they come at once and name the cause, while its commands wait and fail later. */
import { driverOf, type StateStorage } from "../store/storage.ts";

/** The part of ioredis' client that is used. */
interface Client {
  on?(event: "error" | "ready", listener: (error?: unknown) => void): unknown;
  off?(event: "error" | "ready", listener: (error?: unknown) => void): unknown;
}

export interface ClientListener {
  onError(error: unknown): void;
  onReady(): void;
}

/**
 * Subscribes to the client of a Redis driver; does nothing with any other driver. Returns a function that ends the subscription.
 * With a listener, ioredis no longer prints each failed connection with its stack.
 */
export function followClient(
  storage: StateStorage,
  base: string,
  { onError, onReady }: ClientListener,
): () => void {
  const driver = driverOf(storage, base);
  if (driver?.name !== "redis" || !driver.getInstance) return () => {};
  let client: Client | undefined;
  let isOver = false;
  const begin = async (): Promise<void> => {
    const made = (await driver.getInstance!()) as Client;
    if (isOver) return;
    client = made;
    client.on?.("error", onError);
    client.on?.("ready", onReady);
  };
  // Why the client cannot be created is reported by the first command.
  begin().catch(() => {});
  return () => {
    isOver = true;
    client?.off?.("error", onError);
    client?.off?.("ready", onReady);
  };
}
