export default {
  compatibilityDate: "2026-01-01",
  modules: ["h3-relay/nitro"],
  // NITRO_RELAY_UPSTREAM_BASE_URL replaces the address when the server is started.
  runtimeConfig: {
    relay: {
      route: "/ai",
      upstream: { baseURL: "https://api.example.com/v1", dialect: "openai" },
    },
  },
};
