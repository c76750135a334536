import { existsSync } from "node:fs";
import { describe } from "vitest";
import { isMissing } from "../support/needs.ts";
import { clientsContract } from "./contract.ts";
import { NODE_24, startNode24 } from "./driver.ts";

const skip = isMissing("Node 24", existsSync(NODE_24), "npm ci --prefix test/hosts/node24");

describe.skipIf(skip)("newest clients", () => clientsContract("on Node 24", startNode24));
