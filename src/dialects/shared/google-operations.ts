// The operations of Google's Gemini API, Vertex AI and Code Assist.
import type { OperationTable } from "../../contract/operations.ts";

const LOCATION = "/projects/{project}/locations/{location}";

/** Operations of a model that Vertex AI and tuned models have under paths of their own. */
const OF_A_MODEL = ["generate", "count", "embed", "predict", "batches", "videos", "realtime"];

export const GOOGLE_OPERATIONS: OperationTable = {
  hasVerbs: true,
  places: [
    {
      kinds: OF_A_MODEL,
      from: "/models/{model}:",
      to: [
        "/tunedModels/{model}:",
        "/dynamic/{model}:",
        "/publishers/{publisher}/models/{model}:",
        `${LOCATION}/publishers/{publisher}/models/{model}:`,
        `${LOCATION}/endpoints/{endpoint}:`,
      ],
    },
    {
      kinds: ["models"],
      from: "/models",
      to: ["/publishers/{publisher}/models", `${LOCATION}/publishers/{publisher}/models`],
    },
    {
      kinds: ["cachedContents", "operations"],
      from: "/",
      to: [`${LOCATION}/`],
    },
  ],
  defaults: {
    generate: [
      "POST /models/{model}:generateContent",
      "POST /models/{model}:streamGenerateContent",
      "POST /models/{model}:generateText",
      "POST /models/{model}:generateMessage",
      "POST /models/{model}:rawPredict",
      "POST /models/{model}:streamRawPredict",
      "POST /models/{model}:serverStreamingPredict",
      `POST ${LOCATION}/endpoints/openapi/chat/completions`,
      "POST /v1internal:generateContent",
      "POST /v1internal:streamGenerateContent",
      "POST /interactions",
    ],
    count: [
      "POST /models/{model}:countTokens",
      "POST /models/{model}:computeTokens",
      "POST /models/{model}:countTextTokens",
      "POST /models/{model}:countMessageTokens",
      "POST /v1internal:countTokens",
    ],
    embed: [
      "POST /models/{model}:embedContent",
      "POST /models/{model}:batchEmbedContents",
      "POST /models/{model}:embedText",
      "POST /models/{model}:batchEmbedText",
    ],
    predict: ["POST /models/{model}:predict"],
    models: ["GET /models", "GET /models/{model}"],
    interactions: [
      "GET /interactions/{id}",
      "POST /interactions/{id}/cancel",
      "DELETE /interactions/{id}",
    ],
  },
  restricted: {
    files: ["* /files/**", "* /files:register", "* /upload/{version}/files/**", "* /download/**"],
    cachedContents: ["* /cachedContents/**"],
    batches: [
      "* /batches/**",
      "POST /models/{model}:batchGenerateContent",
      "POST /models/{model}:asyncBatchEmbedContent",
      "* /batchPredictionJobs/**",
      `* ${LOCATION}/batchPredictionJobs/**`,
    ],
    tunedModels: ["* /tunedModels/**", "* /tuningJobs/**", `* ${LOCATION}/tuningJobs/**`],
    corpora: ["* /corpora/**", "POST /models/{model}:generateAnswer"],
    fileSearchStores: ["* /fileSearchStores/**", "* /upload/{version}/fileSearchStores/**"],
    operations: ["* /operations/**"],
    videos: [
      "POST /models/{model}:predictLongRunning",
      "POST /models/{model}:fetchPredictOperation",
      "* /models/{model}/operations/**",
    ],
    realtime: ["* /auth_tokens/**", "* /models/{model}:bidiGenerateContent"],
    voices: ["* /voices/**"],
    agents: ["* /agents/**"],
    environments: ["* /environments/**"],
    triggers: ["* /triggers/**"],
    webhooks: ["* /webhooks/**"],
    credentials: ["* /credentials/**"],
    codeAssist: ["* /v1internal:*", "* /v1internal/**"],
    projects: ["* /projects/**"],
  },
};
