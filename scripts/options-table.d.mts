export interface OptionRow {
  /** `credentials[].tier` */
  path: string;
  /** In words: `ms or \`false\``. */
  type: string;
  /** The text of `@default`; `""` where there is none. */
  fallback: string;
  meaning: string;
}
/** Every option: its path, type, default and meaning as its comment says them. */
export function readOptions(): OptionRow[];
/** Returns docs/options.md with its tables written anew. */
export function renderOptions(text: string): string;
/** The value that a comment writes as a default; `undefined` for a description. */
export function toValue(fallback: string): unknown;
