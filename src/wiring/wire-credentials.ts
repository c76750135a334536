// What is known of credentials: tokens, disabled ones, quotas, verdicts, those added at run time, and what the store remembers.
import { openRefilled } from "../cooldowns/open-refilled.ts";
import { type Acquirers, createAcquirers } from "../anonymous/acquirers.ts";
import { RuntimeCredentials } from "../admin/runtime-credentials.ts";
import type { DisableRecord } from "../contract/records.ts";
import { VerdictApplier } from "../cooldowns/apply-verdict.ts";
import { DisabledCredentials } from "../cooldowns/disabled-credentials.ts";
import { createQuotaPoller, type QuotaPoller } from "../quota/quota-poller.ts";
import type { TokenProvider } from "../tokens/token-provider.ts";
import type { Core } from "./core.ts";
import { StateRestorer } from "./restore-state.ts";
import { StartupReport } from "./startup-report.ts";
import { wireTokens } from "./wire-tokens.ts";

export interface CredentialServices {
  disabled: DisabledCredentials;
  tokens: TokenProvider;
  acquirers: Acquirers | undefined;
  quotas: QuotaPoller;
  verdicts: VerdictApplier;
  runtimeCredentials: RuntimeCredentials;
  restorer: StateRestorer;
  startup: StartupReport;
}

/** `addedKeys`: the keys that were added at run time, by credential. */
export function wireCredentials(core: Core, addedKeys: Map<string, string>): CredentialServices {
  const { config, pools, state, planner, fetchFor } = core;
  const disabled: DisabledCredentials = new DisabledCredentials((mark) => {
    applyMark(core, services, mark);
  });
  const tokens = wireTokens(core, {
    state,
    disabled,
    fetch: fetchFor("token endpoint"),
    keyOf: (id) => config.secrets.get(id) ?? addedKeys.get(id),
    upstreamOf: (id) => [...pools].find(([, pool]) => pool.has(id))?.[0] ?? "",
  });
  core.secrets.add((id) => [config.secrets.get(id) ?? addedKeys.get(id) ?? ""]);
  core.secrets.add((id) => tokens.secretsOf(id));
  const acquirers = wireAcquirers(core, disabled, tokens);
  const quotas = createQuotaPoller(
    { ...core, disabled, tokens },
    {
      fetch: fetchFor("quota endpoint"),
      familyOf: planner.familyOf,
      onFull: (upstream, full) =>
        openRefilled({ ...core, clear: (key) => verdicts.clear(key) }, upstream, full),
    },
  );
  const runtimeCredentials = new RuntimeCredentials({ ...core, disabled, addedKeys });
  const startup = new StartupReport(core, {
    pools,
    disabled,
    health: () => state.health(),
    countAdded: () => runtimeCredentials.export(false).length,
  });
  const restorer = new StateRestorer({
    ...core,
    disabled,
    async onCredentials(records) {
      runtimeCredentials.restore(records);
      await acquirers?.restore(records);
    },
    onMark: (mark) => acquirers?.marked(mark),
    onLoad: (isLoaded) => startup.log(isLoaded),
  });
  const verdicts = wireVerdicts(core, disabled, tokens, quotas);
  const services = {
    disabled,
    tokens,
    acquirers,
    quotas,
    verdicts,
    runtimeCredentials,
    restorer,
    startup,
  };
  return services;
}

function wireAcquirers(
  core: Core,
  disabled: DisabledCredentials,
  tokens: TokenProvider,
): Acquirers | undefined {
  const { config, state, queue, fetchFor } = core;
  const isOnly = config.instances === 1;
  return createAcquirers(
    {
      ...core,
      health: disabled,
      waiting: queue,
      fetch: fetchFor("anonymous endpoint"),
      keeper: tokens,
      isOnly,
      isSafe: () => isOnly || state.leases.tier !== "best-effort",
      isLoaded: () => state.health().loaded,
    },
    config.acquirers,
  );
}

function wireVerdicts(
  core: Core,
  disabled: DisabledCredentials,
  tokens: TokenProvider,
  quotas: QuotaPoller,
): VerdictApplier {
  const { config, pools, state, clock } = core;
  return new VerdictApplier({
    ...core,
    disabled,
    limits: config.limits,
    hasOnePool: (upstream) => config.upstreams.get(upstream)!.pools.length === 1,
    onChanged(cooldown) {
      pools.get(cooldown.key.upstream)?.changed(cooldown.key, clock.now());
      state.putCooldown(cooldown);
    },
    resetOf: (key, model) =>
      config.upstreams.get(key.upstream)!.quota && quotas.resetOf(key, model),
    isRenewable: (credential) => tokens.isRenewable(credential),
  });
}

/** Applies that a credential has been disabled or enabled to every part that must know. */
function applyMark(
  { pools, hooks, reporter }: Core,
  { tokens, acquirers, restorer }: CredentialServices,
  mark: DisableRecord,
): void {
  const { credential, disabled } = mark;
  for (const pool of pools.values()) pool.setDisabled(credential, disabled !== undefined);
  if (!disabled) tokens.reset(credential);
  hooks.emit("credential", {
    credential,
    disabled: disabled !== undefined,
    cause: disabled?.cause ?? "",
    reason: disabled?.reason ?? "",
  });
  acquirers?.marked(mark);
  restorer
    .remember(mark)
    .catch((error: unknown) =>
      reporter.error(`the mark of ${credential} could not be written: ${String(error)}`),
    );
}
