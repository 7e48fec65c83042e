// Events on their way: frozen when they happen, sent in batches, kept where they can't be sent.

import { local, now, safe, uid } from './env';
import { fire, state, touch, zoneName } from './state';
import { deviceType, sizes } from './elements';

export type Told = Record<string, unknown> & { kind: string };

const script = document.currentScript as HTMLScriptElement | null;
export const base = new URL('.', script?.src || location.href).href.replace(/\/$/, '');
export const nonce = script?.nonce;
// One quota of 64 KB holds for all that is under way while a page is left: batches leave room for what comes then.
const MOST_BYTES = 30_000;
const MOST_AT_ONCE = 200;
const MOST_WAITING = 1000;
const FLUSH_MS = 2000;

let queue: Told[] = [];
let timer = 0;
// The batch under way, and whether the browser has it.
let flight: { part: Told[]; isHanded: boolean } | undefined;
let tries = 0;
let lost = 0;
const encoder = new TextEncoder();

export function send(told: Told, at = now()): void {
  if (state.consent === 'no' || state.consent === 'waiting') return;
  touch();
  queue.push({
    event_id: uid(),
    occurred_at: new Date(at).toISOString(),
    sequence: ++state.sequence,
    anonymous_id: state.device,
    user_id: state.user ?? undefined,
    session_id: state.session,
    tab_id: state.tab,
    page_view_id: state.view || undefined,
    url: state.viewUrl,
    ...sizes(),
    ...told,
  });
  fire('sent', told);
  if (queue.length > MOST_WAITING) {
    queue.shift();
    lost += 1;
  }
  if (state.consent === 'unknown') return;
  if (queue.length >= 40) void flush();
  else timer ||= window.setTimeout(flush, FLUSH_MS);
}

function packed(events: Told[]): string {
  return JSON.stringify({
    v: 1,
    sent_at: new Date().toISOString(),
    tag: VERSION,
    consent: state.said === 'yes' ? 'yes' : undefined,
    lost: lost || undefined,
    common: { device_type: deviceType, language: navigator.language, time_zone: zoneName(), screen_width: screen.width },
    events,
  });
}

// As many of the first events as fit into one request.
function firstPart(events: Told[], most: number): [Told[], string] {
  let part = events.slice(0, MOST_AT_ONCE);
  let body = packed(part);
  while (part.length > 1 && encoder.encode(body).length > most) {
    part = part.slice(0, part.length >> 1);
    body = packed(part);
  }
  return [part, body];
}

// What is still being packed when the page is left is taken back by `leave`; `mayGo` says whether it was.
export async function post(path: string, body: string, stays = true, mayGo = (): boolean => true): Promise<Response | undefined> {
  let data: BodyInit = body;
  if (window.CompressionStream && body.length > 1500) {
    const packing = new Blob([body]).stream().pipeThrough(new CompressionStream('gzip'));
    data = await new Response(packing).blob();
    path += '?z=gzip';
  }
  if (!mayGo()) return undefined;
  const headers = { 'content-type': 'text/plain' };
  return fetch(base + path, { method: 'POST', body: data, headers, keepalive: stays, credentials: 'omit', mode: 'cors' });
}

export async function flush(): Promise<void> {
  clearTimeout(timer);
  timer = 0;
  if (!queue.length || flight || state.consent !== 'yes') return;
  const [part, body] = firstPart(queue, MOST_BYTES);
  queue = queue.slice(part.length);
  const reported = lost;
  const own: { part: Told[]; isHanded: boolean } = { part, isHanded: false };
  flight = own;
  let isTaken = false;
  let isHopeless = false;
  try {
    const answer = await post('/e', body, true, () => {
      own.isHanded = flight === own;
      return own.isHanded;
    });
    if (!answer) return;
    isTaken = answer.ok;
    isHopeless = answer.status >= 400 && answer.status < 500 && answer.status !== 429 && answer.status !== 408;
  } catch {
    // The network; later then.
  }
  flight = undefined;
  // Meanwhile they may have said no; and of a page that is gone the browser goes on sending, and tells it that it failed.
  if ((state.consent as string) !== 'yes' || (isGone && !isTaken)) return;
  if (isTaken || isHopeless) {
    tries = 0;
    lost -= isTaken ? reported : -part.length;
    if (queue.length) void flush();
    else local.del('queue');
    return;
  }
  queue = part.concat(queue);
  tries = Math.min(tries + 1, 6);
  keep();
  timer = window.setTimeout(flush, 1000 * 2 ** tries * (0.5 + Math.random()));
}

// The tab may be closed before the network is back.
function keep(): void {
  local.set('queue', JSON.stringify(queue.slice(-200)));
}

let isGone = false;
export function back(): void {
  isGone = false;
}

// At leaving: in pieces as long as the browser takes them; the rest is told by the next page.
export function leave(forGood: boolean): void {
  isGone = forGood;
  if (state.consent !== 'yes') return;
  if (flight && !flight.isHanded) {
    queue = flight.part.concat(queue);
    flight = undefined;
  }
  while (queue.length) {
    const [part, body] = firstPart(queue, 60_000);
    const isTaken = safe(() => navigator.sendBeacon(base + '/e', new Blob([body], { type: 'text/plain' })));
    if (!isTaken) {
      keep();
      return;
    }
    lost = 0;
    queue = queue.slice(part.length);
  }
  local.del('queue');
}

// What the last page couldn't send.
export function takeKept(): void {
  const kept = local.get('queue');
  local.del('queue');
  const found = kept && safe(() => JSON.parse(kept) as Told[]);
  if (Array.isArray(found)) queue = found.concat(queue);
}

export function drop(): void {
  queue = [];
  flight = undefined;
  lost = 0;
}

// What happened before the settings were known: its visit is that of the settings, its page watches their zones.
export function settle(watched: string): void {
  for (const event of queue) {
    event.session_id = state.session;
    if (event.kind === 'page_view' && event.page_view_id === state.view && watched) {
      event.properties = { ...(event.properties as object), zones_watched: watched };
    }
  }
  void flush();
}
