// The relay object for the operator whose methods also work before the relay has started (L14).
import type { Credentials, Relay } from "../relay.ts";
import type { RelayStarter } from "./relay-starter.ts";

export function createDeferredRelay(starter: RelayStarter): Relay {
  const get = (): Relay => starter.get();
  return {
    get mount() {
      return get().mount;
    },
    ready() {
      const work = startNow(starter);
      // Without a handler here, an unhandled rejection would end the process where the caller does not await; the log has the fault.
      work.catch(() => {});
      return work;
    },
    fetch(request, where) {
      const served = starter.serve();
      if (!(served instanceof Promise)) return served.fetch(request, where);
      where?.waitUntil?.(served);
      return served.then((it) => it.fetch(request, where));
    },
    handle(call, sink) {
      const served = starter.serve();
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
      const forget = starter.whenMade((relay) => (remove = relay.on(name, listener)));
      return () => {
        forget();
        remove?.();
      };
    },
    close: () => starter.close(),
  };
}

async function startNow(starter: RelayStarter): Promise<void> {
  const relay = await starter.begin();
  await relay.ready();
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
