// Answers requests with an error where the relay could not start, or was closed before it started.
import type { RelayError } from "../shared/errors.ts";
import {
  endsWithHealth,
  type PlainAnswer,
  toHealthAnswer,
  toPlainAnswer,
  toResponse,
  writePlainly,
} from "../response/plain-answer.ts";
import type { Relay } from "../relay.ts";
import { isUnder, toMount, toOutside } from "../http/mount.ts";

/** The part of a relay through which a host serves requests. */
export type Served = Pick<Relay, "fetch" | "handle" | "mount">;

/** Answers every request with an error, and the health check with 503. The mount path is not known without options. */
export function createErrorRelay(error: RelayError): Served {
  function answer(method: string, target: string): PlainAnswer {
    return endsWithHealth(target) ? toHealthAnswer(method, false) : toPlainAnswer(error);
  }

  return {
    mount: undefined,
    fetch({ url, method }, { mount } = {}) {
      const { pathname } = new URL(url);
      const isOutside = mount !== undefined && !isUnder(pathname, toMount(mount));
      const outside = isOutside ? toOutside(pathname, mount) : undefined;
      const given = outside ? toPlainAnswer(outside) : answer(method, pathname);
      return Promise.resolve(toResponse(given, method));
    },
    handle({ method, target }, sink) {
      writePlainly(sink, answer(method, target));
      return Promise.resolve();
    },
  };
}
