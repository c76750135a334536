import type { StateStorage } from "../../src/state/store/storage.ts";
import { stateContract } from "./contract.ts";
import { memoryPlace, underTest } from "./storages.ts";

stateContract("a store that knows no TTL", () =>
  underTest(memoryPlace(), (storage): StateStorage => {
    const withoutOptions: StateStorage["setItem"] = async (key, value, ...rest: unknown[]) => {
      if (rest.length > 0) throw new Error("unknown option");
      await storage.setItem(key, value);
    };
    return { ...storage, setItem: withoutOptions };
  }),
);
