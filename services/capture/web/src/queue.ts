// Events on their way: frozen when they happen, sent in batches, kept where they can't be sent.

import { local, now, safe, storedNames, uid, wellFormed } from './env';
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
// What is larger than this doesn't fit beside others at leaving; its properties are left out.
const MOST_OF_ONE = 16_000;
const MOST_ADDRESS = 4_000;

let queue: Told[] = [];
let timer = 0;
// The batch under way, and whether the browser has it.
let flight: { part: Told[]; isHanded: boolean } | undefined;
let tries = 0;
let lost = 0;
const encoder = new TextEncoder();

// As it is now, and as text: what the page changes later, and what can't be told, isn't.
function frozen(event: Told): Told | undefined {
  const text = safe(() => JSON.stringify(event, (_, value: unknown) => (typeof value === 'string' ? wellFormed(value) : value)));
  if (text && text.length <= MOST_OF_ONE) return JSON.parse(text) as Told;
  if (!event.properties) return undefined;
  return frozen({ ...event, properties: { left_out: text ? 'too large' : 'not JSON' } });
}

// What happened before the part that asks had come.
export const recent: { kind: string; name?: string }[] = [];

export function send(told: Told, at = now()): void {
  if (state.consent === 'no' || state.consent === 'waiting') return;
  // Before the settings it isn't known how long a visit pauses.
  if (state.consent === 'yes') touch();
  const event = frozen({
    event_id: uid(),
    occurred_at: new Date(at).toISOString(),
    sequence: ++state.sequence,
    anonymous_id: state.device,
    user_id: state.user ?? undefined,
    session_id: state.session,
    tab_id: state.tab,
    page_view_id: state.view || undefined,
    url: state.viewUrl.slice(0, MOST_ADDRESS),
    ...sizes(),
    ...told,
  });
  if (!event) {
    lost += 1;
    return;
  }
  queue.push(event);
  recent.push({ kind: told.kind, name: told.name as string | undefined });
  if (recent.length > 50) recent.shift();
  fire('sent', told);
  if (queue.length > MOST_WAITING) {
    queue.shift();
    lost += 1;
  }
  if (state.consent === 'unknown') return;
  // While the collector says no, nothing is sent sooner for there being more.
  if (queue.length >= 40 && !tries) void flush();
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
    else local.del(kept());
    return;
  }
  queue = part.concat(queue);
  tries = Math.min(tries + 1, 6);
  keep();
  timer = window.setTimeout(flush, 1000 * 2 ** tries * (0.5 + Math.random()));
}

// The tab may be closed before the network is back.
const kept = (): string => `queue_${state.tab}`;

function keep(): void {
  const events = queue.slice(-MOST_AT_ONCE);
  local.set(kept(), JSON.stringify({ lost: lost + queue.length - events.length, events }));
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
  local.del(kept());
}

// What earlier pages couldn't send, whatever tab they were in.
export function takeKept(): void {
  for (const name of storedNames('queue_')) {
    const text = local.get(name);
    local.del(name);
    const found = text && safe(() => JSON.parse(text) as { lost: number; events: Told[] });
    if (!found || !Array.isArray(found.events)) continue;
    lost += found.lost || 0;
    queue = found.events.concat(queue);
  }
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
