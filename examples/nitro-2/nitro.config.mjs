import relay from "h3-relay/nitro";

export default {
  compatibilityDate: "2026-01-01",
  srcDir: "server",
  modules: [relay],
  // NITRO_RELAY_UPSTREAM_BASE_URL replaces the address when the server is started.
  runtimeConfig: {
    relay: {
      route: "/ai",
      upstream: { baseURL: "https://api.example.com/v1", dialect: "openai" },
    },
  },
};
