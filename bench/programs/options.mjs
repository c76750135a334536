// The relay with its defaults and a pool of a given size. One address opens all streams here, so the limit per address is off.
import { UPSTREAM } from "../lib/program.mjs";

export const options = {
  upstream: { baseURL: `${UPSTREAM}/v1`, dialect: "openai" },
  credentials: Array.from({ length: Number(process.env.CREDENTIALS) }, (_, at) => ({
    id: `c${at}`,
    apiKey: `sk-bench-${at}`,
  })),
  limits: { perCaller: { concurrent: 100_000 } },
};
