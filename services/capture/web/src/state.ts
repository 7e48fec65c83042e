// Who, which visit, which tab, and whether anything may be told of it.

import { beginStoring, forgetAll, keepAnswer, local, now, safe, tabStore, uid } from './env';

export interface Question {
  name: string;
  text: string;
  kind: string;
  scale: [number, number] | null;
  ends: [string, string];
  choices: [string, string][];
}

export interface Survey {
  id: string;
  on: string;
  pages: string[];
  after_ms: number;
  scroll: number;
  share: number;
  once_in_days: number;
  only: Record<string, { question: string; least?: number; most?: number }>;
  words: Record<string, Question[]>;
  label: Record<string, string>;
}

export interface Settings {
  consent: 'ask' | 'by_law' | 'none';
  law_zones: string[];
  hash_routes: boolean;
  heartbeat_s: number;
  minimum_visit_s: number;
  pause_s: number;
  replays: number;
  line: number;
  least_ms: number;
  pages: Record<string, string[]>;
  zones: { name: string; page: string; selectors: string[] }[];
  surveys: Survey[];
}

export const settings: Settings = {
  consent: 'ask', law_zones: [], hash_routes: false, heartbeat_s: 0, minimum_visit_s: 0, pause_s: 1800, replays: 0,
  line: 0.5, least_ms: 150, pages: {}, zones: [], surveys: [],
};

// `unknown` until the settings are there: what happens then is kept in memory, and told or dropped once it is known.
export type Consent = 'unknown' | 'waiting' | 'yes' | 'no';
export const state = {
  consent: 'unknown' as Consent,
  said: safe(() => localStorage.getItem('footfall_consent')) ?? null,
  device: '',
  session: '',
  tab: '',
  user: null as string | null,
  view: '',
  // Of the load itself: what is measured of a load is measured of it.
  loadView: '',
  loadUrl: '',
  viewUrl: '',
  sequence: 0,
};

type Hook = (told?: unknown) => void;
const hooks: Record<string, Hook[]> = {};
export function on(name: string, hook: Hook): void {
  (hooks[name] ??= []).push(hook);
}
export function fire(name: string, told?: unknown): void {
  for (const hook of hooks[name] ?? []) safe(() => hook(told));
}

const timeZone = (): string => safe(() => Intl.DateTimeFormat().resolvedOptions().timeZone) ?? '';

export function identify(): void {
  state.device = local.get('device') ?? uid();
  local.set('device', state.device);
  state.user = local.get('user');
  if (state.tab) return;
  // A duplicated tab copies what the tab stored: only a reload or a way back owns the id that it finds.
  const [nav] = performance.getEntriesByType('navigation') as PerformanceNavigationTiming[];
  const isCopy = tabStore.get('open') === '1' && nav?.type === 'navigate';
  state.tab = (isCopy ? null : tabStore.get('tab')) ?? uid();
  tabStore.set('tab', state.tab);
  tabStore.set('open', '1');
}

const DAY_MS = 86_400_000;

// The visit that an act at this time belongs to: shared by tabs, ended by a pause, a day long at most.
export function touch(): void {
  const at = now();
  const [id, last, begun] = (local.get('session') ?? '').split('|');
  if (!id || at - Number(last) > settings.pause_s * 1000 || at - Number(begun) > DAY_MS) {
    state.session = uid();
    local.set('session', `${state.session}|${at}|${at}`);
    fire('session');
    return;
  }
  if (id !== state.session) {
    const had = state.session;
    state.session = id;
    if (had) fire('session');
  }
  if (at - Number(last) > 5000) local.set('session', `${id}|${at}|${begun}`);
}

const isRefusedBySignal = (): boolean =>
  (navigator as { globalPrivacyControl?: boolean }).globalPrivacyControl === true || navigator.doNotTrack === '1';

// Once the settings are known: whether what happens is told.
export function decide(): void {
  const zone = timeZone();
  const asks =
    settings.consent === 'ask' ||
    // What names no place, as browsers that hide it say, may be one where the law asks.
    (settings.consent === 'by_law' &&
      (!zone.includes('/') || zone.startsWith('Etc/') || settings.law_zones.some((law) => zone === law || (law.endsWith('/') && zone.startsWith(law)))));
  if (state.said === 'yes') state.consent = 'yes';
  else if (state.said === 'no' || isRefusedBySignal()) state.consent = 'no';
  else state.consent = asks ? 'waiting' : 'yes';
  if (state.consent === 'yes') beginStoring();
}

export function agree(yes: boolean): void {
  state.said = yes ? 'yes' : 'no';
  if (!yes) {
    forgetAll();
    keepAnswer('no');
    state.consent = 'no';
    return;
  }
  keepAnswer('yes');
  // Before the settings are there nothing is sent yet; they ask again.
  if (state.consent !== 'unknown') {
    state.consent = 'yes';
    beginStoring();
  }
}

// Another tab, or a page before this one, may have asked since.
export function heardNo(): boolean {
  if (state.consent !== 'yes' || safe(() => localStorage.getItem('footfall_consent')) !== 'no') return false;
  state.said = 'no';
  state.consent = 'no';
  forgetAll();
  keepAnswer('no');
  return true;
}

export const zoneName = timeZone;
