// The signals that end a Nitro server, heard beside its own listeners.

/** The part of Node's process that is used, where a host has one. */
type HostProcess = Pick<
  NodeJS.Process,
  "env" | "pid" | "kill" | "once" | "removeListener" | "listenerCount"
>;

/** Runs something at the first signal that ends the server; returns a function that stops listening. */
export function onSignal(run: () => Promise<void>): () => void {
  const host = (globalThis as { process?: HostProcess }).process;
  if (typeof host?.once !== "function") return () => {};
  const hear = async (signal: NodeJS.Signals): Promise<void> => {
    // Where nothing else listens the process would have ended by now, and our listening must not change that.
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

/** As Nitro's node server reads it. */
function signalsOf(env: Record<string, string | undefined>): NodeJS.Signals[] {
  if (env["NITRO_SHUTDOWN_DISABLED"]) return [];
  const listed = env["NITRO_SHUTDOWN_SIGNALS"] || "SIGTERM SIGINT";
  return listed.split(" ").filter(Boolean) as NodeJS.Signals[];
}
