// How long elements of zones are in the window (docs/definitions/zones.md, "Exposure").

import { now, safe } from './env';
import { chain } from './elements';
import { pageName } from './page';
import { send } from './queue';
import { on, settings } from './state';

interface Seen {
  chain: string | undefined;
  since: number;
}

const seen = new Map<Element, Seen>();

function isIn(element: Element): boolean {
  const box = element.getBoundingClientRect();
  const line = box.top + box.height * settings.line;
  return box.width > 0 && line >= 0 && line <= innerHeight && box.right > 0 && box.left < innerWidth;
}

function mark(element: Element, known: Seen, isVisible: boolean): void {
  if (isVisible && !known.since) known.since = now();
  else if (!isVisible && known.since) {
    const duration = now() - known.since;
    if (duration >= settings.least_ms) {
      send({ kind: 'exposure', element_chain: known.chain, duration_ms: duration }, known.since);
    }
    known.since = 0;
  }
  if (!element.isConnected) {
    watching?.unobserve(element);
    seen.delete(element);
  }
}

function look(): void {
  const isShown = document.visibilityState === 'visible';
  for (const [element, known] of seen) mark(element, known, isShown && element.isConnected && isIn(element));
}

let watching: IntersectionObserver | undefined;
let frame = 0;
const soon = (): void => {
  frame ||= requestAnimationFrame(() => {
    frame = 0;
    look();
  });
};

function find(): void {
  const page = pageName();
  for (const zone of settings.zones) {
    if (zone.page !== page) continue;
    for (const selector of zone.selectors) {
      safe(() => {
        for (const element of document.querySelectorAll(selector)) {
          if (seen.has(element)) continue;
          seen.set(element, { chain: chain(element), since: 0 });
          watching?.observe(element);
        }
      });
    }
  }
}

export function followZones(): void {
  if (!settings.zones.length) return;
  watching = new IntersectionObserver(soon, { threshold: [0, 0.25, 0.5, 0.75, 1] });
  addEventListener('scroll', soon, { passive: true, capture: true });
  addEventListener('resize', soon);
  let pending = 0;
  new MutationObserver(() => {
    pending ||= window.setTimeout(() => {
      pending = 0;
      find();
      soon();
    }, 300);
  }).observe(document.documentElement, { childList: true, subtree: true });
  const begin = (): void => {
    find();
    look();
  };
  on('view', begin);
  on('shown', look);
  on('left', () => {
    for (const [element, known] of seen) mark(element, known, false);
  });
  begin();
}
