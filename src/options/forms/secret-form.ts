// Checks the secret that seals stored tokens and keys.

const LEAST = 16;

/** Returns the fault of a secret, without showing it; `undefined` if there is none. */
export function faultOfSecret(secret: string): string | undefined {
  if (secret === "") return "must not be empty; is its environment variable set?";
  if (/\$\{|^\$[A-Za-z_]\w*$|^%\w+%$|\{\{|^process\.env\b/.test(secret))
    return "is the name of a variable, not its value: the program that reads the file did not expand it";
  if (/^["'`].*["'`]$/.test(secret)) return "is in quotes: remove them";
  if (/^\s|\s$/.test(secret))
    return "begins or ends with a space or a line break: remove it, because another instance may read the value without it";
  return secret.length < LEAST ? `must have at least ${LEAST} characters` : undefined;
}

/** True for a secret that is easily guessed: text of an example, or few different characters. */
export function isWeakSecret(secret: string): boolean {
  return (
    new Set(secret).size < 8 ||
    /change.?me|replace.?me|your.?secret|my.?secret|password|example|placeholder|1234567|abcdefg/i.test(
      secret,
    )
  );
}
