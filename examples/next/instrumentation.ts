// Runs when the server starts, never in a build: wrong options are reported before the first request.
export async function register() {
  if (process.env.NEXT_RUNTIME !== "nodejs") return;
  const { relay } = await import("./lib/relay");
  await relay.ready();
}
