/** Loads ofetch before the tests: a virtual clock settles promises, but does not wait for a module that is loaded at its first use. */
import { loadOfetch } from "../../src/tokens/token-endpoint.ts";

await loadOfetch();
