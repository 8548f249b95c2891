// What the browser remembers for the person; works without storage as well.
const key = (name: string) => `steamward.${name}`;

export function recall(name: string): string | null {
  try {
    return globalThis.localStorage?.getItem(key(name)) ?? null;
  } catch {
    return null;
  }
}

export function remember(name: string, value: string): void {
  try {
    globalThis.localStorage?.setItem(key(name), value);
  } catch {
    // Private mode: it holds until the page is left.
  }
}
