import { defineRelay } from "h3-relay";
import { useStorage } from "nitro/runtime";
import { credentials, upstream } from "../../setup.ts";
import { listeners } from "../../timeline.ts";

export default defineRelay(() => ({
  upstream,
  credentials,
  storage: useStorage(),
  base: "relay",
  authorize: () => true,
  responseHeaders: { credential: "x-relay-credential" },
  hooks: listeners,
}));
