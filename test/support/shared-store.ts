/**
 * A store that several instances of a relay share, on a virtual clock: leases, attempts, credentials and tokens, atomic or not, up or down.
 */
import type { Clock } from "../../src/contract/clock.ts";
import type { LeaseTier, Leases } from "../../src/contract/lease.ts";
import type { CreationRecord, CredentialRecord, TokenRecord } from "../../src/contract/records.ts";
import type { CreationStore, TokenStore } from "../../src/contract/state.ts";

export interface SharedStore {
  /** Rejects, and gives no lease, while true. */
  isDown: boolean;
  creations: Map<string, CreationRecord>;
  credentials: Map<string, CredentialRecord>;
  tokens: Map<string, TokenRecord>;
  /** The access of one instance. `step` runs before and after each call takes effect; one that never resolves is a dead instance. */
  connect(step?: () => Promise<void>): Connection;
}

export interface Connection {
  leases: Leases;
  creations: CreationStore;
  tokens: TokenStore;
  putCredential(record: CredentialRecord): void;
  listCredentials(): Promise<CredentialRecord[]>;
  flush(): Promise<void>;
}

export interface SharedStoreOptions {
  tier?: LeaseTier;
  /** The store's clock minus the others', in ms. */
  ahead?: number;
  /** False: every request for a lease succeeds, as on a store without locks. @default true */
  isExclusive?: boolean;
}

export function createSharedStore(
  clock: Clock,
  { tier = "atomic", ahead = 0, isExclusive = true }: SharedStoreOptions = {},
): SharedStore {
  const held = new Map<string, { generation: number; until: number }>();
  let generation = 0;

  const store: SharedStore = {
    isDown: false,
    creations: new Map(),
    credentials: new Map(),
    tokens: new Map(),
    connect(step = () => Promise.resolve()) {
      const puts = new Set<Promise<void>>();
      async function call<T>(effect: () => T): Promise<T> {
        await step();
        if (store.isDown) throw new Error("the store is down");
        const value = effect();
        await step();
        return value;
      }
      return {
        leases: {
          tier,
          time: () => call(() => clock.now() + ahead),
          async acquire(name, ttl) {
            const lease = await call(() => {
              const now = clock.now();
              if (isExclusive && (held.get(name)?.until ?? 0) > now) return undefined;
              const taken = { generation: ++generation, until: now + ttl };
              held.set(name, taken);
              return taken;
            }).catch(() => undefined);
            if (!lease) return undefined;
            return {
              name,
              ...lease,
              release: () =>
                call(() => {
                  if (held.get(name)?.generation === lease.generation) held.delete(name);
                }).catch(() => {}),
            };
          },
        },
        creations: {
          add: (record) => call(() => void store.creations.set(record.id, record)),
          list: (limiter, before) =>
            call(() =>
              [...store.creations.values()].filter(
                (record) => record.limiter === limiter && record.at >= before,
              ),
            ),
        },
        putCredential: (record) => {
          const put = call(() => {
            const known = store.credentials.get(record.id);
            if (!known || known.revision <= record.revision)
              store.credentials.set(record.id, record);
          }).catch(() => {});
          puts.add(put);
          void put.finally(() => puts.delete(put));
        },
        flush: () => Promise.all(puts).then(() => {}),
        listCredentials: () => call(() => [...store.credentials.values()]),
        tokens: {
          intents: () => call(() => []),
          forgetTornIntents: () => call(() => {}),
          writeIntent: () => call(() => {}),
          write: (record) => call(() => void store.tokens.set(record.credential, record)),
          read: (credential) => call(() => store.tokens.get(credential)),
          forget: (credential) => call(() => void store.tokens.delete(credential)),
        },
      };
    },
  };
  return store;
}
