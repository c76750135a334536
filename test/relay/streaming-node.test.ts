import { describeStreams } from "./streaming-suite.ts";
import { describeAnswers } from "./streaming-answers-suite.ts";

describeStreams({ sink: "node" });
describeAnswers({ sink: "node" });
