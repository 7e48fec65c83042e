// What is told of an element, of the window and of an address: never a text, never a value.

import { safe } from './env';

const NAMES = ['id', 'class', 'role', 'type', 'name', 'href', 'contenteditable', 'data-testid', 'data-ff'];
const MOST = 8000;

const escaped = (text: string): string =>
  text.replace(/&/g, '&amp;').replace(/"/g, '&quot;').replace(/</g, '&lt;').slice(0, 120);

export const parentOf = (element: Element): Element | null =>
  element.parentElement ?? ((element.getRootNode() as ShadowRoot).host || null);

// The element and its ancestors as open tags, outermost first.
export function chain(from: Element | null): string | undefined {
  let tags = '';
  for (let element = from; element && element !== document.body && element !== document.documentElement; element = parentOf(element)) {
    // What is hidden is one box.
    if (element.closest('[data-ff-hide]') && !element.hasAttribute('data-ff-hide')) continue;
    let tag = '<' + element.localName;
    // A form is told by what it is called.
    for (const name of element.localName === 'form' ? [...NAMES, 'aria-label', 'title'] : NAMES) {
      const value = element.getAttribute(name);
      if (value) tag += ` ${name}="${escaped(name === 'href' ? value.split(/[?#]/)[0]! : value)}"`;
    }
    if (tags.length + tag.length > MOST) break;
    tags = tag + '>' + tags;
  }
  return tags || undefined;
}

export function isFixed(from: Element): true | undefined {
  for (let element: Element | null = from; element; element = parentOf(element)) {
    const { position } = getComputedStyle(element);
    if (position === 'fixed' || position === 'sticky') return true;
  }
  return undefined;
}

// The element that was meant, within open shadow roots too.
export function target(event: Event): Element | null {
  const first = (event.composedPath()[0] ?? event.target) as Node | null;
  return first instanceof Element ? first : (first?.parentElement ?? null);
}

export const isOwn = (event: Event): boolean =>
  event.composedPath().some((node) => node instanceof Element && node.hasAttribute('data-footfall'));

export function sizes(): Record<string, number> {
  const root = document.scrollingElement ?? document.documentElement;
  return {
    window_width: innerWidth,
    window_height: innerHeight,
    page_width: root.scrollWidth,
    page_height: root.scrollHeight,
    scroll_y: Math.max(0, Math.round(scrollY)),
  };
}

export const deviceType = ((): string => {
  const agent = navigator.userAgent;
  if (/iPad|Tablet|Android(?!.*Mobile)/.test(agent) || (/Macintosh/.test(agent) && navigator.maxTouchPoints > 1)) return 'tablet';
  const isMobile = (navigator as { userAgentData?: { mobile: boolean } }).userAgentData?.mobile;
  return isMobile || /Mobi|iPhone/.test(agent) ? 'mobile' : 'desktop';
})();

const SECRET = /token|code|key|secret|pass|pwd|auth|session|sid|jwt|mail|sig/i;

// An address without secrets; the collector and ingest look again, and better.
export function clean(address: string): string | undefined {
  return safe(() => {
    const url = new URL(address, location.href);
    for (const name of [...url.searchParams.keys()]) if (SECRET.test(name)) url.searchParams.set(name, 'x');
    url.username = url.password = '';
    return url.href;
  });
}
