// The operations of Anthropic's API, and of its models on Vertex AI.
import type { OperationTable } from "../../contract/operations.ts";

const VERTEX = "/projects/{project}/locations/{location}/publishers/anthropic/models";

export const ANTHROPIC_OPERATIONS: OperationTable = {
  hasVerbs: true,
  defaults: {
    generate: [
      "POST /messages",
      "POST /complete",
      "POST /experimental/generate_prompt",
      "POST /experimental/improve_prompt",
      "POST /experimental/templatize_prompt",
      `POST ${VERTEX}/{model}:rawPredict`,
      `POST ${VERTEX}/{model}:streamRawPredict`,
    ],
    count: ["POST /messages/count_tokens", `POST ${VERTEX}/count-tokens:rawPredict`],
    models: ["GET /models", "GET /models/{model}"],
  },
  restricted: {
    files: ["* /files/**"],
    batches: ["* /messages/batches/**"],
    skills: ["* /skills/**"],
    agents: ["* /agents/**"],
    sessions: ["* /sessions/**"],
    environments: ["* /environments/**"],
    vaults: ["* /vaults/**"],
    memory_stores: ["* /memory_stores/**"],
    deployments: ["* /deployments/**", "* /deployment_runs/**"],
    dreams: ["* /dreams/**"],
    tunnels: ["* /tunnels/**"],
    user_profiles: ["* /user_profiles/**"],
    organizations: ["* /organizations/**", "* /oauth/**"],
    projects: ["* /projects/**"],
  },
};
