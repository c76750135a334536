import { stateContract } from "./contract.ts";
import { fsPlace, underTest } from "./storages.ts";

stateContract("unstorage fs", async () => underTest(await fsPlace()));
