// Listens to the signals that end a Nitro server, in addition to its own listeners.

/** The part of Node's `process` that is used; some hosts have none. */
type HostProcess = Pick<
  NodeJS.Process,
  "env" | "pid" | "kill" | "once" | "removeListener" | "listenerCount"
>;

/** Calls `run` at the first signal that ends the server. Returns a function that stops listening. */
export function onSignal(run: () => Promise<void>): () => void {
  const host = (globalThis as { process?: HostProcess }).process;
  if (typeof host?.once !== "function") return () => {};
  const hear = async (signal: NodeJS.Signals): Promise<void> => {
    // Without other listeners the signal would have ended the process; this listener must not prevent that.
    const isAlone = host.listenerCount(signal) === 0;
    await run();
    if (isAlone) host.kill(host.pid, signal);
  };
  const signals = signalsOf(host.env);
  for (const signal of signals) host.once(signal, hear);
  return () => {
    for (const signal of signals) host.removeListener(signal, hear);
  };
}

/** Reads the same variables as Nitro's node server. */
function signalsOf(env: Record<string, string | undefined>): NodeJS.Signals[] {
  if (env["NITRO_SHUTDOWN_DISABLED"]) return [];
  const listed = env["NITRO_SHUTDOWN_SIGNALS"] || "SIGTERM SIGINT";
  return listed.split(" ").filter(Boolean) as NodeJS.Signals[];
}
