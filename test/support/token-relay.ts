/** Relays that get their tokens from the simulator's token endpoints, on one clock and, where needed, one store. */
import type { TokenSource } from "../../src/contract/token-source.ts";
import type { RelayOptions } from "../../src/options/types.ts";
import { createSimulator, type Simulator, type SimulatorOptions } from "../../simulator/index.ts";
import { firebase, oauth } from "../../src/index.ts";
import { type RelayUnderTest, startRelay } from "./relay.ts";
import { createVirtualClock, type VirtualClock } from "./virtual-clock.ts";
import { loadOfetch } from "../../src/tokens/token-endpoint.ts";

// A virtual clock settles promises, but does not wait for a module that is loaded at its first use.
await loadOfetch();

export interface TokenWorld {
  clock: VirtualClock;
  upstream: Simulator;
  /** Starts an instance; `a` and `b` are credentials with grants, by name. */
  start(options?: Partial<RelayOptions>): Promise<RelayUnderTest>;
  oauth(name: string, more?: Partial<Parameters<typeof oauth>[0]>): TokenSource;
  firebase(name: string): TokenSource;
  close(): Promise<void>;
}

/** The first refresh token of a grant. */
export const grantOf = (name: string): string => `refresh-${name}-planted`;

export async function createTokenWorld(
  simulator: SimulatorOptions = {},
  names: string[] = ["a", "b"],
): Promise<TokenWorld> {
  const clock = createVirtualClock();
  const grants = Object.fromEntries(names.map((name) => [name, grantOf(name)]));
  const upstream = await createSimulator({
    clock,
    keys: { static: "sk-static-key" },
    ...simulator,
    tokens: { grants, ...simulator.tokens },
  });
  const relays: RelayUnderTest[] = [];
  return {
    clock,
    upstream,
    async start(options = {}) {
      const relay = await startRelay({ keep: upstream, clock, ...(options as object) });
      relays.push(relay);
      return relay;
    },
    oauth: (name, more) =>
      oauth({
        tokenURL: `${upstream.url}/oauth/token`,
        clientId: "client",
        refreshToken: grantOf(name),
        ...more,
      }),
    firebase: (name) =>
      firebase({ apiKey: "key", refreshToken: grantOf(name), tokenEndpoint: upstream.url }),
    async close() {
      for (const relay of relays) await relay.close();
      await upstream.close();
    },
  };
}

/** Sends a request, and returns the status once the response is complete. */
export async function ask(
  relay: RelayUnderTest,
  more?: Parameters<RelayUnderTest["chat"]>[0],
): Promise<number> {
  const response = await relay.chat(more);
  await response.arrayBuffer();
  return response.status;
}
