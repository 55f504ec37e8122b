/** Remembers which address of an endpoint was copied, to warn when it is another one now. */
const key = (endpointId: number) => `usher.copied.${endpointId}`;

export function copiedUrl(endpointId: number): string | null {
  try {
    return localStorage.getItem(key(endpointId));
  } catch {
    return null;
  }
}

export function rememberCopied(endpointId: number, url: string): void {
  try {
    localStorage.setItem(key(endpointId), url);
  } catch {
    // Without storage there is only no warning later.
  }
}
