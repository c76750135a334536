// Evidence about the scopes of a credential.

/** True for evidence that a credential has no right to one operation: it may have one to others, and is never disabled for that. */
export function isAboutScopes({ evidence }: { evidence: string }): boolean {
  return /scope/i.test(evidence);
}
