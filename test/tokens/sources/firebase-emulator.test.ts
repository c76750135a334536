import { describe } from "vitest";
import { noFirebase } from "../../support/firebase.ts";
import { anonymousSuite } from "./firebase-anonymous-suite.ts";
import { refreshSuite } from "./firebase-refresh-suite.ts";
import { useFirebaseWorld } from "./firebase-world.ts";

describe.skipIf(noFirebase)("the Firebase emulator", () => {
  const world = useFirebaseWorld();
  refreshSuite(world);
  anonymousSuite(world);
});
