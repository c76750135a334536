import { describeStreams } from "./streaming-suite.ts";
import { describeAnswers } from "./streaming-answers-suite.ts";

describeStreams({ sink: "web", transport: "fetch" });
describeAnswers({ sink: "web", transport: "fetch" });
