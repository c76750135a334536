// Which credentials serve a model according to their lists (A10). Models that pass the same lists have the same signature.
import type { Credential } from "../contract/credential.ts";
import { setBounded } from "../shared/bounded-map.ts";
import { toModelTest } from "../shared/patterns.ts";
import { BitSet } from "../shared/bitset.ts";

interface Rule {
  serves: (model: string) => boolean;
  members: number[];
}

/** Limits of the cache, because model names come from clients: number of models, and length of a name in characters. */
const MODELS = 1_000;
const MODEL_LENGTH = 256;
/** Maximum number of bits of all cached signatures together. */
const ROOM = 64 * 1_048_576;

export class ModelAccess {
  readonly #size: number;
  readonly #rules: readonly Rule[];
  readonly #signatures = new Map<string, string>();
  readonly #serving = new Map<string, BitSet>();

  constructor(credentials: readonly Credential[]) {
    this.#size = credentials.length;
    this.#rules = toRules(credentials);
  }

  /** True where a credential serves some models only. */
  get hasRules(): boolean {
    return this.#rules.length > 0;
  }

  /** Identifies the set of lists that a model passes; `""` where there are no lists. */
  signatureOf(model: string): string {
    if (this.#rules.length === 0) return "";
    const known = this.#signatures.get(model);
    if (known !== undefined) return known;
    const signature = this.#rules.map(({ serves }) => (serves(model) ? "1" : "0")).join("");
    if (model.length <= MODEL_LENGTH) setBounded(this.#signatures, model, signature, MODELS);
    return signature;
  }

  /** The members that serve the models of a signature; `undefined` where all do. */
  serving(signature: string): BitSet | undefined {
    if (!signature.includes("0")) return undefined;
    const known = this.#serving.get(signature);
    if (known) return known;
    const serving = BitSet.full(this.#size);
    this.#rules.forEach(({ members }, at) => {
      if (signature[at] === "0") for (const member of members) serving.remove(member);
    });
    setBounded(this.#serving, signature, serving, Math.max(16, Math.floor(ROOM / this.#size)));
    return serving;
  }
}

/** Groups credentials by their model lists; those without lists are in no group. */
function toRules(credentials: readonly Credential[]): Rule[] {
  const rules = new Map<string, Rule>();
  credentials.forEach(({ allow, deny }, member) => {
    if (!allow && !deny) return;
    const key = JSON.stringify([allow, deny]);
    const rule = rules.get(key) ?? { serves: toModelTest(allow, deny), members: [] };
    rules.set(key, rule);
    rule.members.push(member);
  });
  return [...rules.values()];
}
