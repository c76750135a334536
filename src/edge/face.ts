// The relay as its operator holds it: every method works before the relay has started (L14).
import type { Credentials, Relay } from "../relay.ts";
import type { Served } from "./stand-in.ts";

export interface FaceParts {
  /** The relay, started now. Throws what keeps it from starting, `ERR_RELAY_NOT_READY` where it takes longer. */
  get(): Relay;
  start(): Served | Promise<Served>;
  ready(): Promise<void>;
  /** Calls back once the relay is made, now or then; returns what takes that back. */
  whenMade(attach: (relay: Relay) => void): () => void;
  close(): Promise<void>;
}

export function createFace({ get, start, ready, whenMade, close }: FaceParts): Relay {
  return {
    get mount() {
      return get().mount;
    },
    ready() {
      const work = ready();
      // Without a listener here, a caller that does not wait would end the process; the log has the fault.
      work.catch(() => {});
      return work;
    },
    fetch(request, where) {
      const served = start();
      if (!(served instanceof Promise)) return served.fetch(request, where);
      where?.waitUntil?.(served);
      return served.then((it) => it.fetch(request, where));
    },
    handle(call, sink) {
      const served = start();
      return served instanceof Promise
        ? served.then((it) => it.handle(call, sink))
        : served.handle(call, sink);
    },
    status: () => get().status(),
    explain: (question) => get().explain(question),
    credentials: toCredentials(() => get().credentials),
    stop: (requestId) => get().stop(requestId),
    on(name, listener) {
      let remove: (() => void) | undefined;
      const forget = whenMade((relay) => (remove = relay.on(name, listener)));
      return () => {
        forget();
        remove?.();
      };
    },
    close,
  };
}

function toCredentials(get: () => Credentials): Credentials {
  return {
    disable: (id, reason) => get().disable(id, reason),
    enable: (id) => get().enable(id),
    clear: (id) => get().clear(id),
    add: (credential) => get().add(credential),
    remove: (id) => get().remove(id),
    export: (options) => get().export(options),
    import: (credentials) => get().import(credentials),
  };
}
