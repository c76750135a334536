// The relay as a listener of node:http: the Node sink, without a framework.
import { createServer } from "node:http";
import { defineRelay } from "../../dist/adapters/node.mjs";
import { announce } from "../lib/program.mjs";
import { options } from "./options.mjs";

const server = createServer(defineRelay({ ...options, mount: "/ai" }));
server.listen(0, "127.0.0.1", 4096, () => announce(`http://127.0.0.1:${server.address().port}`));
