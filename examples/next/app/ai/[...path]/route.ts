import { after } from "next/server";
import { relay } from "../../../lib/relay";

const handler = (request: Request) => relay.fetch(request, { waitUntil: after });

export {
  handler as GET,
  handler as POST,
  handler as PUT,
  handler as PATCH,
  handler as DELETE,
  handler as OPTIONS,
};
