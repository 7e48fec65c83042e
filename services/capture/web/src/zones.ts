// Picks zones by clicking: `?footfall=zones#TOKEN`. Nothing of this visit is told.

import { deviceType, isOwn, parentOf, target } from './elements';

const { base, pageName } = window.footfall._;

interface Picked {
  name: string;
  page: string;
  selectors: string[];
  box: { device_type: string; x: number; y: number; width: number; height: number };
}

// Ids and classes that builds and frameworks make anew each time.
const CHANGING = [/^:/, /^(css|sc|jss|emotion)-?\w{4,}$/, /^ember\d+$/, /\d{3,}/, /[0-9a-f]{8,}/, /__[\w-]{5,}$/];
const isStable = (name: string): boolean => /^[A-Za-z_][\w-]*$/.test(name) && !CHANGING.some((each) => each.test(name));

function own(element: Element): string {
  if (isStable(element.id)) return `${element.localName}#${element.id}`;
  const named = ['data-ff', 'data-testid'].find((name) => element.getAttribute(name));
  if (named) return `${element.localName}[${named}="${CSS.escape(element.getAttribute(named)!)}"]`;
  return element.localName + [...element.classList].filter(isStable).slice(0, 2).map((name) => '.' + name).join('');
}

const isBare = (selector: string): boolean => !/[#.[]/.test(selector);
const fits = (selector: string): number => document.querySelectorAll(selector).length;

// Only of what an element chain tells: no siblings, no counting, never a bare tag alone.
function selectorOf(element: Element): string {
  let selector = own(element);
  for (let above = parentOf(element); above && above !== document.body && (fits(selector) > 1 || isBare(selector)); above = parentOf(above)) {
    const longer = `${own(above)} ${selector}`;
    if (fits(longer) < fits(selector) || (isBare(selector) && !isBare(own(above)))) selector = longer;
  }
  return selector;
}

const nameOf = (element: Element): string =>
  (element.id || element.classList[0] || element.localName).toLowerCase().replace(/[^a-z0-9]+/g, '_').replace(/^[^a-z]+|_+$/g, '').slice(0, 60) || 'zone';

const STYLE = `
:host{all:initial}
#frame{position:fixed;pointer-events:none;border:2px solid #b3261e;background:#b3261e22;z-index:2147483646}
form{position:fixed;inset:auto auto 12px 12px;width:min(440px,calc(100vw - 24px));box-sizing:border-box;padding:12px 14px;background:#fff;color:#1a1f29;
border:1px solid #6b7588;border-radius:10px;box-shadow:0 8px 30px #0005;font:15px/1.4 system-ui,sans-serif;z-index:2147483647}
code{display:block;margin:4px 0 8px;overflow-wrap:anywhere;font:13px ui-monospace,monospace}
input{font:inherit;padding:8px;min-height:40px;box-sizing:border-box;border:1px solid #6b7588;border-radius:6px;width:220px}
button{font:inherit;min-height:40px;padding:6px 14px;border-radius:6px;border:1px solid #1f4f99;background:#1f4f99;color:#fff;cursor:pointer}
button.quiet{background:#fff;color:#1f4f99}
p{margin:0 0 6px}ol{margin:8px 0;padding-inline-start:20px;max-height:140px;overflow:auto}`;

class Picker {
  private readonly host = document.createElement('div');
  private readonly root = this.host.attachShadow({ mode: 'open' });
  private readonly token = location.hash.slice(1);
  private readonly picked: Picked[] = [];
  private readonly frame = document.createElement('div');
  private readonly form = document.createElement('form');
  private chosen: Element | null = null;

  constructor(private readonly page: string | undefined) {
    this.host.setAttribute('data-footfall', '');
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    this.root.adoptedStyleSheets = [sheet];
    this.frame.id = 'frame';
    this.form.setAttribute('aria-label', 'Pick zones');
    this.root.append(this.frame, this.form);
    document.body.append(this.host);
    this.show('Click the part of the page that is to be a zone.');
    addEventListener('pointermove', (event) => !this.chosen && !isOwn(event) && this.mark(target(event)), true);
    for (const name of ['click', 'pointerdown', 'mousedown', 'pointerup', 'mouseup', 'submit'] as const) {
      addEventListener(name, (event) => this.caught(event), true);
    }
    addEventListener('keydown', (event) => this.key(event as KeyboardEvent), true);
    addEventListener('scroll', () => this.chosen && this.mark(this.chosen), true);
  }

  // The page itself does nothing meanwhile.
  private caught(event: Event): void {
    if (isOwn(event)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (event.type === 'click') this.choose(target(event));
  }

  private key(event: KeyboardEvent): void {
    if (!this.chosen || (isOwn(event) && event.key !== 'Escape')) return;
    const to = { ArrowUp: parentOf(this.chosen), ArrowDown: this.chosen.firstElementChild, Escape: null }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (event.key === 'Escape') {
      this.chosen = null;
      this.show('Click the part of the page that is to be a zone.');
    } else if (to && to !== document.body) this.choose(to);
  }

  private mark(element: Element | null): void {
    const box = element?.getBoundingClientRect();
    if (box) this.frame.style.cssText = `left:${box.left}px;top:${box.top}px;width:${box.width}px;height:${box.height}px`;
  }

  private choose(element: Element | null): void {
    if (!element || element === document.body || element === document.documentElement) return;
    this.chosen = element;
    this.mark(element);
    const selector = selectorOf(element);
    const others = fits(selector) - 1;
    this.form.replaceChildren();
    this.say(`A zone on the page “${this.page ?? 'of no name'}”. Arrow up: the part around it; down: within it.`);
    this.form.append(Object.assign(document.createElement('code'), { textContent: selector }));
    this.say(others ? `${others} more of the page fit this too.` : 'Nothing else on the page fits this.');
    const name = Object.assign(document.createElement('input'), { value: nameOf(element), pattern: '[a-z][a-z0-9_]*', required: true });
    name.setAttribute('aria-label', 'Name of the zone');
    this.form.append(name, ' ', Object.assign(document.createElement('button'), { textContent: 'Add' }));
    this.form.onsubmit = (event): void => {
      event.preventDefault();
      const box = element.getBoundingClientRect();
      const place = { x: Math.max(0, Math.round(box.left + scrollX)), y: Math.max(0, Math.round(box.top + scrollY)) };
      const size = { width: Math.max(1, Math.round(box.width)), height: Math.max(1, Math.round(box.height)) };
      this.picked.push({ name: name.value, page: this.page ?? '', selectors: [selector], box: { device_type: deviceType, ...place, ...size } });
      this.chosen = null;
      this.show('Added. Click the next part, or send.');
    };
  }

  private say(text: string): void {
    this.form.append(Object.assign(document.createElement('p'), { textContent: text }));
  }

  private show(text: string): void {
    this.form.replaceChildren();
    if (!this.page) {
      this.say('This address is none of the pages in product.yaml; add it to `pages` first, wait a few seconds, and load it again.');
      return;
    }
    this.say(text);
    const list = document.createElement('ol');
    for (const each of this.picked) list.append(Object.assign(document.createElement('li'), { textContent: `${each.name}: ${each.selectors[0]}` }));
    this.form.append(list);
    if (!this.picked.length) return;
    this.form.append(Object.assign(document.createElement('button'), { textContent: 'Send' }));
    this.form.onsubmit = (event): void => {
      event.preventDefault();
      void this.send();
    };
  }

  private async send(): Promise<void> {
    let said = 'The collector can’t be reached; try again.';
    try {
      const body = JSON.stringify({ v: 1, token: this.token, zones: this.picked });
      const answer = await fetch(`${base}/z`, { method: 'POST', body, headers: { 'content-type': 'text/plain' }, credentials: 'omit' });
      if (answer.ok) {
        this.picked.length = 0;
        said = 'Sent. `footfall zones --accept` puts them into product.yaml.';
      } else if (answer.status === 403) said = 'The link is older than an hour, or was used up: `footfall zones --pick` gives another.';
      else said = `The collector refused them (${answer.status}).`;
    } catch {
      // Said above.
    }
    this.show(said);
  }
}

// The page by the product file's patterns, as core has it.
new Picker(pageName());
