// undici straight into `ServerResponse`, on bare node:http.
import { createServer } from "node:http";
import { announce } from "../lib/program.mjs";
import { relayStraight } from "../lib/straight.mjs";

const server = createServer((request, response) => relayStraight(request, response));
server.listen(0, "127.0.0.1", 4096, () => announce(`http://127.0.0.1:${server.address().port}`));
