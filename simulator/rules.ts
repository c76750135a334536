// Selects the behaviour of a call: rules in order, the first match wins.
import type { Behaviour, SimulatedDialect } from "./behaviour.ts";
import type { Asked } from "./inbound.ts";

/** Conditions of a rule; all that are given must hold. Patterns may contain `*`. */
export interface When {
  /** A credential's short name or the secret that it sends. */
  credential?: string | readonly string[];
  model?: string | readonly string[];
  path?: string | readonly string[];
  dialect?: SimulatedDialect;
  /** `chat`, `messages`, `generate`, `oauth-token` … */
  operation?: string | readonly string[];
  /** Any other condition; cannot be sent as JSON. */
  where?: (asked: Asked) => boolean;
  /** Only the nth call (from 1) that meets the conditions above. */
  nth?: number | readonly number[];
  /** Only the first n such calls. */
  first?: number;
  /** Only such calls from the first number to the second, both included. */
  between?: readonly [from: number, to: number];
  /** Share of such calls, 0 to 1, determined by the seed. */
  probability?: number;
}

export interface Rule {
  when?: When;
  then: Behaviour | ((asked: Asked, credential: string) => Behaviour);
}

/** Rules with their counters. */
export interface RuleSet {
  /** Returns the behaviour of the first rule that matches; `undefined` where none does. */
  match(asked: Asked, credential: string): Behaviour | undefined;
  /** Returns the behaviour of the first matching rule about connections (`stall` or `cut` at `connect`). */
  matchConnection(): Behaviour | undefined;
}

/** Creates a set of rules, each counting its calls from 0. */
export function createRules(rules: readonly Rule[], random: () => number): RuleSet {
  const counted = rules.map((rule) => ({ rule, count: 0 }));
  const calls = counted.filter(({ rule }) => !isAboutConnections(rule));
  const connections = counted.filter(({ rule }) => isAboutConnections(rule));
  return {
    match(asked, credential) {
      for (const entry of calls) {
        const when = entry.rule.when ?? {};
        if (!asks(when, asked, credential)) continue;
        entry.count++;
        if (isDue(when, entry.count, random)) return behaviourOf(entry.rule, asked, credential);
      }
      return undefined;
    },
    matchConnection() {
      for (const entry of connections) {
        entry.count++;
        if (isDue(entry.rule.when ?? {}, entry.count, random)) return entry.rule.then as Behaviour;
      }
      return undefined;
    },
  };
}

/** True when a text matches a pattern with `*`, or one of several. */
export function fits(pattern: string | readonly string[], text: string): boolean {
  if (typeof pattern !== "string") return pattern.some((one) => fits(one, text));
  if (!pattern.includes("*")) return pattern === text;
  const parts = pattern.split("*").map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`, "s").test(text);
}

function isAboutConnections(rule: Rule): boolean {
  const { then } = rule;
  return typeof then !== "function" && (then.cut === "connect" || then.stall === "connect");
}

function behaviourOf(rule: Rule, asked: Asked, credential: string): Behaviour {
  return typeof rule.then === "function" ? rule.then(asked, credential) : rule.then;
}

function asks(when: When, asked: Asked, credential: string): boolean {
  if (when.dialect !== undefined && when.dialect !== asked.dialect) return false;
  if (when.credential !== undefined && !isFrom(when.credential, asked, credential)) return false;
  if (when.model !== undefined && !fits(when.model, asked.model ?? "")) return false;
  if (when.path !== undefined && !fits(when.path, asked.path)) return false;
  if (when.operation !== undefined && !fits(when.operation, asked.operation ?? "")) return false;
  return when.where === undefined || when.where(asked);
}

function isFrom(pattern: string | readonly string[], asked: Asked, credential: string): boolean {
  return fits(pattern, credential) || fits(pattern, asked.secret);
}

function isDue(when: When, count: number, random: () => number): boolean {
  const { nth, first, between, probability } = when;
  if (nth !== undefined && !(typeof nth === "number" ? [nth] : nth).includes(count)) return false;
  if (first !== undefined && count > first) return false;
  if (between !== undefined && (count < between[0] || count > between[1])) return false;
  return probability === undefined || random() < probability;
}
