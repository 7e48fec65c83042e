// Clicks, and which of them nothing answered (docs/definitions/friction.md, "Dead click").

import { now } from './env';
import { chain, isFixed, isOwn, sizes, target } from './elements';
import { send, type Told } from './queue';
import { state } from './state';

interface Waiting {
  at: number;
  element: Element;
  click: Told;
  view: string;
  url: string;
}

const ANSWER_MS = 2500;
const QUICK_MS = 100;
const AWAY_MS = 1000;
const EXEMPT =
  'a[href]:not([href^="#"]):not([href^="javascript:"]),input,textarea,select,option,label,[contenteditable],canvas,video,audio,embed,object,iframe';
let waiting: Waiting[] = [];
// When the window last was left or hidden, or came back: a click around that did something.
let awayAt = 0;

export function away(): void {
  awayAt = now();
  waiting = waiting.filter((each) => awayAt - each.at > AWAY_MS);
}

function answered(reach: number): void {
  const at = now();
  waiting = waiting.filter((each) => at - each.at > reach);
}

function judge(): void {
  const at = now();
  waiting = waiting.filter((each) => {
    if (at - each.at < ANSWER_MS) return true;
    // Timers of hidden tabs are late, and a page that was left says nothing.
    if (at - each.at < 2 * ANSWER_MS && each.view === state.view && document.visibilityState === 'visible') {
      send({ ...each.click, kind: 'custom', name: 'dead_click', page_view_id: each.view, url: each.url }, each.at);
    }
    return false;
  });
}

function clicked(event: MouseEvent): void {
  const element = target(event);
  // Scripts click too; nobody did then.
  if (!element || isOwn(event) || !event.isTrusted) return;
  const at = now();
  const click: Told = {
    kind: 'click',
    element_chain: chain(element),
    x: Math.round(event.pageX),
    y: Math.round(event.pageY),
    is_fixed: isFixed(element),
    ...sizes(),
  };
  send(click, at);
  const isModified = event.ctrlKey || event.metaKey || event.shiftKey || event.altKey;
  const isPage = element === document.documentElement || element === document.body;
  if (isModified || isPage || isExempt(event) || at - awayAt < AWAY_MS) return;
  if (waiting.some((each) => each.element === element && at - each.at < AWAY_MS)) return;
  const root = element.getRootNode();
  // Mutations within a shadow root aren't seen from outside.
  if (root instanceof ShadowRoot) observe(root);
  waiting.push({ at, element, click, view: state.view, url: state.viewUrl });
  setTimeout(judge, ANSWER_MS + 100);
}

function isExempt(event: Event): boolean {
  // Within shadow roots `closest` ends at the root.
  return event.composedPath().some((node) => node instanceof Element && node.matches(EXEMPT + ',[data-ff-no-dead]'));
}

const observed = new WeakSet<Node>();
const observer = new MutationObserver((changes) => {
  const isOurs = (node: Node): boolean => {
    const element = node instanceof Element ? node : node.parentElement;
    return !!element?.closest('[data-footfall]');
  };
  if (waiting.length && changes.some((change) => !isOurs(change.target) && ![...change.addedNodes].some(isOurs))) answered(ANSWER_MS);
});

function observe(root: Node): void {
  if (observed.has(root)) return;
  observed.add(root);
  observer.observe(root, { childList: true, subtree: true, attributes: true, characterData: true });
}

export function followClicks(): void {
  addEventListener('click', clicked, true);
  observe(document);
  for (const name of ['input', 'change', 'toggle', 'submit', 'invalid', 'cancel', 'close']) {
    addEventListener(name, () => answered(ANSWER_MS), true);
  }
  document.addEventListener('selectionchange', () => {
    if (getSelection()?.type === 'Range') answered(QUICK_MS);
  });
  addEventListener('scroll', () => answered(QUICK_MS), true);
  addEventListener('focusin', (event) => {
    // A field that gets the caret answers; a button always gets the focus.
    if (target(event)?.matches('input,textarea,select,[contenteditable]')) answered(ANSWER_MS);
  });
  // Another page is on its way.
  addEventListener('beforeunload', () => answered(ANSWER_MS));
  addEventListener('focus', away);
  addEventListener('blur', away);
}
