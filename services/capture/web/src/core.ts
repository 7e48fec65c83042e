// t.js: listens from the first moment, tells once it is known that it may. What pages call is `footfall` (docs/capture.md).

import { local, safe, tabStore, uid } from './env';
import { away, followClicks } from './clicks';
import { chain } from './elements';
import { followZones } from './exposure';
import { followFaults } from './faults';
import { followForms } from './forms';
import { begunAnew, followRoutes, left, pageName, viewed, watched } from './page';
import { followPointer, followScrolling, followUse } from './pointer';
import { back, base, drop, flush, leave, nonce, post, recent, send, settle, takeKept } from './queue';
import { agree, decide, fire, heardNo, identify, on, settings, state, touch } from './state';

export interface Bought {
  id: string;
  refund_id?: string;
  revenue: number;
  currency?: string;
}

function bought(kind: 'order' | 'refund', order: Bought, sign: number): void {
  if (!order.id) throw new Error('an order has an id');
  send({
    kind,
    // A page of thanks that is loaded anew is no second order; of an order there may be several refunds.
    event_id: kind === 'order' ? `order:${order.id}` : order.refund_id ? `refund:${order.refund_id}` : uid(),
    order_id: String(order.id),
    revenue_micros: sign * Math.round(Math.abs(order.revenue) * 1e6),
    currency: order.currency,
  });
}

const calls = {
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
};
type Calls = typeof calls;

// What a page calls never throws into the page; what is wrong with it stands in the console.
function guarded<K extends keyof Calls>(name: K): Calls[K] {
  return ((...given: unknown[]): void => {
    try {
      (calls[name] as (...all: unknown[]) => void)(...given);
    } catch (fault) {
      console.warn(`footfall.${name}:`, fault);
    }
  }) as Calls[K];
}

const api = {
  ...(Object.fromEntries((Object.keys(calls) as (keyof Calls)[]).map((name) => [name, guarded(name)])) as Calls),
  // Calls made before the tag was there: footfall.push(['track', 'name']).
  push([name, ...given]: [keyof Calls, ...unknown[]]): void {
    (api[name] as ((...all: unknown[]) => void) | undefined)?.(...given);
  },
  // For the tag's own parts.
  _: { base, chain, flush, local, nonce, on, pageName, post, recent, send, settings, state, uid, stop: (): void => undefined },
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

// Of a visit, once for all of its pages.
function isRecorded(): boolean {
  const [session, chosen] = (local.get('recorded') ?? '').split('|');
  if (session === state.session) return chosen === '1';
  const isChosen = Math.random() < settings.replays;
  local.set('recorded', `${state.session}|${isChosen ? 1 : 0}`);
  return isChosen;
}

let isStarted = false;

function begin(reason: 'load' | 'consent'): void {
  identify();
  touch();
  if (reason === 'consent') {
    begunAnew();
    viewed(reason);
  } else settle(watched().join(' '));
  takeKept();
  if (isStarted) return;
  isStarted = true;
  followZones();
  const later = window.requestIdleCallback ?? ((work: () => void) => setTimeout(work, 200));
  later(() => {
    load('vitals');
    if (settings.surveys.length) load('surveys');
    if (isRecorded()) load('replay');
  });
}

function hidden(forGood: boolean): void {
  fire('hide');
  leave(forGood);
  fire('gone', forGood);
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

// Asked in another tab, or on a page that was gone back from.
function ask(): void {
  if (!heardNo()) return;
  drop();
  stopRecording();
}

async function start(): Promise<void> {
  // The line stands twice in the page.
  if ((window.footfall as Api | undefined)?._) return;
  if (/[?&]footfall=zones(&|$)/.test(location.search)) return pick();
  identify();
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
      ask();
      tabStore.set('open', '1');
      fire('shown');
    }
  });
  addEventListener('pagehide', () => hidden(true));
  addEventListener('pageshow', (event) => {
    if (!event.persisted) return;
    ask();
    back();
    viewed('bfcache');
  });
  addEventListener('storage', ask);
  addEventListener('online', () => void flush());
  viewed('load');
  const before: unknown = window.footfall;
  window.footfall = api;
  if (Array.isArray(before)) for (const call of before) safe(() => api.push(call as [keyof Calls]));
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
