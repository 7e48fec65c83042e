// Where the pointer and the window are, and whether the page is in use.

import { now } from './env';
import { chain, isOwn, target } from './elements';
import { send } from './queue';
import { on, settings } from './state';

const MOVE_MS = 250;
const LEAST_MS = 50;
const LEAST_PX = 20;
const SCROLL_MS = 250;

export function followPointer(): void {
  let at = 0, x = 0, y = 0, isOut = true;
  let last: Element | null = null;
  addEventListener('pointermove', (event) => {
    if (event.pointerType === 'touch' || isOwn(event)) return;
    const time = now();
    const element = target(event);
    const isNear = time - at < MOVE_MS || Math.hypot(event.pageX - x, event.pageY - y) < LEAST_PX;
    if ((element === last && isNear && !isOut) || time - at < LEAST_MS) return;
    at = time;
    last = element;
    x = event.pageX;
    y = event.pageY;
    isOut = false;
    send({ kind: 'move', element_chain: chain(element), x: Math.round(x), y: Math.round(y) }, time);
  }, { passive: true, capture: true });
  // A move without an element ends a hover.
  const gone = (): void => {
    if (isOut) return;
    isOut = true;
    last = null;
    send({ kind: 'move' });
  };
  document.documentElement.addEventListener('pointerleave', (event) => event.pointerType !== 'touch' && gone());
  addEventListener('blur', gone);
  on('left', gone);
}

export function followScrolling(): void {
  let pending = 0, at = 0, y = 0;
  const tell = (): void => {
    pending = 0;
    at = now();
    const place = Math.round(scrollY);
    if (place !== y) {
      y = place;
      send({ kind: 'scroll' });
    }
  };
  addEventListener('scroll', () => {
    pending ||= window.setTimeout(tell, Math.max(0, SCROLL_MS - (now() - at)));
  }, { passive: true });
}

// A ping after the first seconds and then at each beat, while somebody does something.
export function followUse(): void {
  let active = now();
  let begun = 0;
  let last = 0;
  const used = (): void => {
    active = now();
  };
  for (const name of ['pointerdown', 'pointermove', 'keydown', 'scroll', 'touchstart']) {
    addEventListener(name, used, { passive: true, capture: true });
  }
  const begin = (): void => {
    active = now();
    begun = active;
    last = 0;
  };
  on('view', begin);
  setInterval(() => {
    const time = now();
    // Not before the settings: they say how long a visit is at least.
    const beat = settings.heartbeat_s * 1000;
    const next = last ? last + beat : begun + (settings.minimum_visit_s * 1000 || beat);
    if (!beat || !begun || time < next) return;
    if (document.visibilityState === 'visible' && time - active <= beat) send({ kind: 'page_ping' });
    last = time;
  }, 500);
}
