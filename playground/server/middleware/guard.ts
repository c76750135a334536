import { defineHandler, HTTPError } from "nitro/h3";

const OWN_HOST = /^(?:127\.0\.0\.1|localhost|\[::1\])(?::\d+)?$/;

/** Accepts only requests of the playground's own page, so that other sites cannot use your keys through your browser. */
export default defineHandler((event) => {
  const { headers, method } = event.req;
  const isForeign = !OWN_HOST.test(headers.get("host") ?? "");
  const site = headers.get("sec-fetch-site") ?? "none";
  const isFromElsewhere = method !== "GET" && site !== "same-origin" && site !== "none";
  if (isForeign || isFromElsewhere)
    throw new HTTPError({
      status: 403,
      message: "Only the playground's own page may send this request.",
    });
});
