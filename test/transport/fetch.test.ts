import { createTransport } from "../../src/transport/fetch.ts";
import { describeTransport } from "./contract.ts";

describeTransport(createTransport, {
  tellsConnect: false,
  ownsConnections: false,
  decodesItself: false,
});
