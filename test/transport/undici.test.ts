import { createTransport } from "../../src/transport/undici.ts";
import { describeTransport } from "./contract.ts";

describeTransport(createTransport, {
  tellsConnect: true,
  ownsConnections: true,
  decodesItself: true,
});
