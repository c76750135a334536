import { describeStreaming } from "./streaming-suite.ts";

describeStreaming({ sink: "node" });
