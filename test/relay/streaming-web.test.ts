import { describeStreaming } from "./streaming-suite.ts";

describeStreaming({ sink: "web", transport: "fetch" });
