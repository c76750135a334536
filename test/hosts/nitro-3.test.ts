import { describeProtocols } from "./suite-protocols.ts";
import { describeHost } from "./suite.ts";
import { describeLasting } from "./suite-lasting.ts";
import { buildWith, cliOf, copyExample, NITRO, uniqueMounts } from "./support/nitro.ts";

const mounts = uniqueMounts();
const nitro = NITRO.beta;

describeHost(
  "nitro-3",
  {
    mount: "/deep/ai",
    prepare(app) {
      nitro.link(app);
      app.link("ioredis");
      copyExample(app, "nitro-3", mounts, nitro);
      return buildWith(app, cliOf(app, nitro));
    },
  },
  (stage) => {
    describeLasting(stage, { ...mounts, prefix: "NITRO", requestId: "x-relay-request-id" });
    describeProtocols(stage, 2, ({ cert, key }) => ({ NITRO_SSL_CERT: cert, NITRO_SSL_KEY: key }));
  },
);
