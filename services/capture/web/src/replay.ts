// Records a sampled session with rrweb: fields of any kind, and what can be edited, are masked before they leave the page.

import { record } from '@rrweb/record';

const { base, on, post, state } = window.footfall._;
const MOST_CHARACTERS = 200_000;
const MOST_EVENTS = 200;
const SEND_MS = 3000;
const BEACON_BYTES = 50_000;
const stars = (text: string): string => text.replace(/\S/g, '*');

let events: object[] = [];
let size = 0;
let timer = 0;
let session = state.session;

function packed(): string {
  const ids = { session_id: session, distinct_id: state.device, window_id: state.tab, user_id: state.user ?? undefined };
  const body = JSON.stringify({ v: 1, consent: state.said === 'yes' ? 'yes' : undefined, ...ids, data: events });
  events = [];
  size = 0;
  return body;
}

function flush(): void {
  clearTimeout(timer);
  // Too large for what a browser keeps sending after the page: the request is an ordinary one.
  if (events.length) void post('/r', packed(), false, () => state.consent === 'yes').catch(() => undefined);
}

const stop = record({
  emit: (event) => {
    if (state.consent !== 'yes') return;
    events.push(event);
    size += JSON.stringify(event).length;
    if (size > MOST_CHARACTERS || events.length > MOST_EVENTS) return flush();
    clearTimeout(timer);
    timer = window.setTimeout(flush, SEND_MS);
  },
  maskAllInputs: true,
  maskInputFn: stars,
  maskTextFn: stars,
  maskTextSelector: '[data-ff-mask],[contenteditable]',
  blockSelector: '[data-ff-hide],[data-footfall],input[type=hidden]',
  inlineStylesheet: true,
  recordCanvas: false,
  slimDOMOptions: 'all',
  sampling: { mousemove: 50, mousemoveCallback: 500, scroll: 150, input: 'last' },
  checkoutEveryNms: 300_000,
});

let height = 0;
function tellHeight(): void {
  const own = document.documentElement.scrollHeight;
  if (own === height) return;
  height = own;
  record.addCustomEvent('footfall:page', { height });
}
tellHeight();
const measuring = setInterval(tellHeight, 2000);

// After the events, which come first where the browser takes only so much.
on('gone', (forGood) => {
  if (!forGood) {
    flush();
    return;
  }
  if (!events.length) return;
  const body = packed();
  // What doesn't fit is lost: a replay ends a little early, no event does.
  if (body.length < BEACON_BYTES) navigator.sendBeacon(base + '/r', new Blob([body], { type: 'text/plain' }));
});
on('session', () => {
  flush();
  session = state.session;
  record.takeFullSnapshot(true);
});
window.footfall._.stop = (): void => {
  stop?.();
  clearInterval(measuring);
  clearTimeout(timer);
  events = [];
};
