// The head of an answer: the upstream's headers, the relay's own (J1), those that the host has prepared, and CORS.
import type { HeaderList } from "../contract/sink.ts";
import { corsHeaders } from "../http/cors.ts";
import { toStreamHeaders, withPrepared } from "../http/headers.ts";
import type { RelayConfig } from "../options/resolve.ts";
import type { RequestContext } from "../request/request-context.ts";
import { ANY } from "../shared/patterns.ts";

export interface HeadWriter {
  write(context: RequestContext, status: number, headers: HeaderList, isEventStream: boolean): void;
  /** Adds the relay's own headers to a list, and returns it. */
  own(headers: HeaderList, context: RequestContext): HeaderList;
}

export function createHeadWriter({
  responseHeaders: names,
  cors,
  authorize,
}: Pick<RelayConfig, "responseHeaders" | "cors" | "authorize">): HeadWriter {
  const isPrivate = authorize !== undefined;
  const exposed = [names.requestId, names.attempts, names.model, names.credential].filter(
    (name) => name !== false,
  );

  function own(headers: HeaderList, context: RequestContext): HeaderList {
    const { id, attempts, target, credential } = context;
    const add = (name: string | false, value: string | undefined): void =>
      void (name && value !== undefined && headers.push([name, value]));
    add(names.requestId, id);
    add(names.attempts, String(attempts));
    add(names.model, target && target.model !== ANY ? toHeaderValue(target.model) : undefined);
    add(names.credential, credential && toHeaderValue(credential.label));
    if (cors) headers.push(...corsHeaders(cors, context.call, exposed));
    return headers;
  }

  return {
    own,
    write(context, status, headers, isEventStream) {
      const all = own(isEventStream ? toStreamHeaders(headers, isPrivate) : [...headers], context);
      const { delivery, call } = context;
      delivery.commit(status, withPrepared(all, call.preparedHeaders?.()), isEventStream);
    },
  };
}

/** Encodes a name for a header value: printable ASCII, at most 256 characters. */
function toHeaderValue(text: string): string {
  if (/^[\t -~]{0,256}$/.test(text)) return text;
  // Model names come from outside: half a surrogate pair in one would make the encoding throw.
  return text
    .slice(0, 256)
    .replace(/\p{Cs}/gu, "\ufffd")
    .replace(/[^\t\u0020-\u007e]/gu, (character) => encodeURIComponent(character))
    .slice(0, 256);
}
