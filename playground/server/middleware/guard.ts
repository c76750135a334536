import { defineHandler, HTTPError } from "nitro/h3";

const OWN_HOST = /^(?:127\.0\.0\.1|localhost|\[::1\])(?::\d+)?$/;

/** Lets only this machine's own pages in: another site's page must not spend your keys through your browser. */
export default defineHandler((event) => {
  const { headers, method } = event.req;
  const isForeign = !OWN_HOST.test(headers.get("host") ?? "");
  const site = headers.get("sec-fetch-site") ?? "none";
  const isFromElsewhere = method !== "GET" && site !== "same-origin" && site !== "none";
  if (isForeign || isFromElsewhere)
    throw new HTTPError({
      status: 403,
      message: "Only pages of the playground itself may do this.",
    });
});
