import { defineRelay } from "h3-relay";
import { useStorage } from "nitro/storage";
import { base, credentials, upstream } from "../../setup.ts";
import { listeners } from "../../timeline.ts";

export default defineRelay(() => ({
  upstream,
  credentials,
  storage: useStorage(),
  base,
  authorize: () => true,
  responseHeaders: { credential: "x-relay-credential" },
  hooks: listeners,
}));
