// t.js: listens from the first moment, tells once it is known that it may. What pages call is `footfall` (docs/capture.md).

import { local, safe, tabStore, uid } from './env';
import { away, followClicks } from './clicks';
import { chain } from './elements';
import { followZones } from './exposure';
import { followFaults } from './faults';
import { followForms } from './forms';
import { followRoutes, left, pageName, viewed, watched } from './page';
import { followPointer, followScrolling, followUse } from './pointer';
import { back, base, drop, flush, leave, nonce, post, send, settle, takeKept } from './queue';
import { agree, decide, fire, identify, on, settings, state, touch } from './state';

export interface Bought {
  id: string;
  revenue: number;
  currency?: string;
}

const bought = (kind: 'order' | 'refund', order: Bought, sign: number): void =>
  send({
    kind,
    // A page of thanks that is loaded anew is no second order.
    event_id: `${kind}:${order.id}`,
    order_id: String(order.id),
    revenue_micros: sign * Math.round(Math.abs(order.revenue) * 1e6),
    currency: order.currency,
  });

const api = {
  identify(id: string): void {
    state.user = String(id);
    local.set('user', state.user);
    send({ kind: 'identify' });
  },
  reset(): void {
    send({ kind: 'reset' });
    state.user = null;
    for (const key of ['user', 'device', 'session']) local.del(key);
    identify();
    touch();
  },
  track(name: string, properties?: Record<string, unknown>): void {
    send({ kind: 'custom', name: String(name), properties });
  },
  order: (order: Bought): void => bought('order', order, 1),
  refund: (order: Bought): void => bought('refund', order, -1),
  experiment(id: string, variant: string): void {
    send({ kind: 'experiment', experiment_id: String(id), variant: String(variant) });
  },
  consent(yes: boolean): void {
    const before = state.consent;
    agree(yes);
    if (!yes) {
      drop();
      stopRecording();
    } else if (before === 'waiting' || before === 'no') {
      drop();
      begin('consent');
    }
  },
  survey(_id: string): void {
    // Replaced by the part that asks, once it is loaded.
  },
  // footfall.push(['track', 'name']): calls made before the tag was there.
  push(call: [string, ...unknown[]]): void {
    const [name, ...given] = call;
    safe(() => (api as unknown as Record<string, (...all: unknown[]) => void>)[name]?.(...given));
  },
  // For the tag's own parts.
  _: { base, chain, flush, local, on, pageName, post, send, settings, state, uid, stop: (): void => undefined },
};
export type Api = typeof api;

const stopRecording = (): void => api._.stop();

function load(name: string): void {
  const script = document.createElement('script');
  script.src = `${base}/t/${PARTS[name]}`;
  script.async = true;
  if (nonce) script.nonce = nonce;
  document.head.appendChild(script);
}

let isStarted = false;

function begin(reason: 'load' | 'consent'): void {
  identify();
  touch();
  takeKept();
  if (reason === 'consent') viewed(reason);
  else settle(watched().join(' '));
  if (isStarted) return;
  isStarted = true;
  followZones();
  const later = window.requestIdleCallback ?? ((work: () => void) => setTimeout(work, 200));
  later(() => {
    load('vitals');
    if (settings.surveys.length) load('surveys');
    if (Math.random() < settings.replays) load('replay');
  });
}

function hidden(forGood: boolean): void {
  fire('hide');
  leave(forGood);
  tabStore.del('open');
}

async function readSettings(): Promise<void> {
  try {
    const answer = await fetch(`${base}/settings.json`, { credentials: 'omit' });
    if (answer.ok) Object.assign(settings, await answer.json());
  } catch {
    // Without settings: as it is by default, so nothing is told without a yes.
  }
}

// Who picks zones is no visitor: nothing listens, nothing is told.
async function pick(): Promise<void> {
  window.footfall = api;
  state.consent = 'no';
  await readSettings();
  load('zones');
}

async function start(): Promise<void> {
  if (/[?&]footfall=zones(&|$)/.test(location.search)) return pick();
  identify();
  touch();
  followRoutes();
  followClicks();
  followPointer();
  followScrolling();
  followFaults();
  followForms();
  followUse();
  document.addEventListener('visibilitychange', () => {
    away();
    if (document.visibilityState === 'hidden') {
      left();
      hidden(false);
    } else {
      tabStore.set('open', '1');
      fire('shown');
    }
  });
  addEventListener('pagehide', () => hidden(true));
  addEventListener('pageshow', (event) => {
    if (!event.persisted) return;
    back();
    viewed('bfcache');
  });
  addEventListener('online', () => void flush());
  viewed('load');
  const calls: unknown = window.footfall;
  window.footfall = api;
  if (Array.isArray(calls)) for (const call of calls) api.push(call as [string]);
  await readSettings();
  decide();
  if (state.consent === 'yes') begin('load');
  else drop();
}

if ((document as { prerendering?: boolean }).prerendering) {
  document.addEventListener('prerenderingchange', () => void start(), { once: true });
} else {
  void start();
}
