// What must hold of the secret that seals what is stored.

const LEAST = 16;

/** Says what is wrong with a secret, without showing it; `undefined` where nothing is. */
export function faultOfSecret(secret: string): string | undefined {
  if (secret === "") return "must not be empty; is its environment variable set?";
  if (/\$\{|^\$[A-Za-z_]\w*$|^%\w+%$|\{\{|^process\.env\b/.test(secret))
    return "is the name of a variable, not its value: whatever reads the file did not expand it";
  if (/^["'`].*["'`]$/.test(secret)) return "is in quotes: remove them";
  if (/^\s|\s$/.test(secret))
    return "has a space or a line break before or behind it: remove it, another instance may read it without";
  return secret.length < LEAST ? `must have at least ${LEAST} characters` : undefined;
}

/** True for a secret that is easily guessed: a word of an example, or few different characters. */
export function isWeakSecret(secret: string): boolean {
  return (
    new Set(secret).size < 8 ||
    /change.?me|replace.?me|your.?secret|my.?secret|password|example|placeholder|1234567|abcdefg/i.test(
      secret,
    )
  );
}
