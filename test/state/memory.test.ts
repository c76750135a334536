import { stateContract } from "./contract.ts";
import { memoryPlace, underTest } from "./storages.ts";

stateContract("unstorage memory", () => underTest(memoryPlace()));
