// What a page may lack or refuse: ids, stores, times.

export const now = (): number => Date.now();

// A tag never breaks its page.
export function safe<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}

export function uid(): string {
  if (crypto.randomUUID) return crypto.randomUUID();
  // Pages without https have no randomUUID.
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

// Whether anything may be stored; until then all is kept in memory only.
let mayStore = false;

export interface Store {
  get(key: string): string | null;
  set(key: string, value: string): void;
  del(key: string): void;
}

const stores: { area: 'localStorage' | 'sessionStorage'; memory: Map<string, string> }[] = [];

// Private windows throw; then it is kept in memory.
function store(area: 'localStorage' | 'sessionStorage'): Store {
  const memory = new Map<string, string>();
  stores.push({ area, memory });
  return {
    get: (key) => memory.get(key) ?? safe(() => window[area].getItem('footfall_' + key)) ?? null,
    set: (key, value) => {
      memory.set(key, value);
      if (mayStore) safe(() => window[area].setItem('footfall_' + key, value));
      // What other tabs write is seen, where there is a store.
      if (mayStore && safe(() => window[area].getItem('footfall_' + key)) === value) memory.delete(key);
    },
    del: (key) => {
      memory.delete(key);
      safe(() => window[area].removeItem('footfall_' + key));
    },
  };
}

export const local = store('localStorage');
export const tabStore = store('sessionStorage');

// From now on things are stored, those that waited too.
export function beginStoring(): void {
  mayStore = true;
  for (const { area, memory } of stores) {
    for (const [key, value] of [...memory]) (area === 'localStorage' ? local : tabStore).set(key, value);
  }
}

// Nothing of ours stays in the browser, but for a no.
export function forgetAll(): void {
  mayStore = false;
  for (const { area, memory } of stores) {
    memory.clear();
    safe(() => {
      for (const key of Object.keys(window[area])) if (key.startsWith('footfall_')) window[area].removeItem(key);
    });
  }
}

// Names of what was stored, by all tabs, that begin so.
export function storedNames(begin: string): string[] {
  const stored = safe(() => Object.keys(localStorage).filter((key) => key.startsWith('footfall_' + begin))) ?? [];
  return stored.map((key) => key.slice('footfall_'.length));
}

// Texts that were cut within a letter of two parts: no JSON reader takes half of one.
export function wellFormed(text: string): string {
  if (!/[\ud800-\udfff]/.test(text)) return text;
  return [...text].map((letter) => (letter.length === 1 && /[\ud800-\udfff]/.test(letter) ? '\ufffd' : letter)).join('');
}

// Kept whatever was agreed to: without it a person would be asked again on each page.
export function keepAnswer(answer: string): void {
  safe(() => localStorage.setItem('footfall_consent', answer));
}
