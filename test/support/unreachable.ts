/** An address on loopback where a connection is never accepted: another process listens with a full backlog, and is stopped. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { connect, type Socket } from "node:net";

export interface Unreachable {
  /** `http://127.0.0.1:PORT` */
  url: string;
  close(): Promise<void>;
}

const LISTEN = `require("node:net").createServer().listen(0, "127.0.0.1", 1, function () {
  process.stdout.write(String(this.address().port) + "\\n");
})`;
/** Connections that fill a backlog of one, and some more. */
const FILLERS = 6;

/** Resolves when a further connection would hang. */
export async function createUnreachable(): Promise<Unreachable> {
  const child: ChildProcess = spawn(process.execPath, ["-e", LISTEN], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = (await once(child.stdout!, "data")) as [Buffer];
  const port = Number(line.toString());
  child.kill("SIGSTOP");
  const fillers: Socket[] = [];
  for (let nth = 0; nth < FILLERS; nth++) {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => {});
    fillers.push(socket);
  }
  return {
    url: `http://127.0.0.1:${port}`,
    async close() {
      for (const socket of fillers) socket.destroy();
      const gone = once(child, "exit");
      child.kill("SIGKILL");
      await gone;
    },
  };
}
