// Page views: one for each change of the address, after a load, a route, a way back.

import { now, safe, uid } from './env';
import { clean } from './elements';
import { send } from './queue';
import { fire, settings, state } from './state';

let place = '';
let cameFrom = document.referrer;
let hasRouted = false;
let begun = 0;

const here = (): string => location.origin + location.pathname + (settings.hash_routes ? location.hash : '');

export function viewed(reason: 'load' | 'route' | 'bfcache' | 'consent'): void {
  state.view = uid();
  state.loadView ||= state.view;
  state.viewUrl = clean(location.href) ?? '';
  state.loadUrl ||= state.viewUrl;
  begun = now();
  place = here();
  const [nav] = performance.getEntriesByType('navigation') as (PerformanceNavigationTiming & { responseStatus?: number })[];
  send({
    kind: 'page_view',
    referrer: (cameFrom && clean(cameFrom)) || undefined,
    page_title: document.title.slice(0, 500) || undefined,
    http_status: (reason === 'load' && nav?.responseStatus) || undefined,
    properties: {
      navigation: reason,
      ttfb_ms: reason === 'load' && nav ? Math.round(nav.responseStart) : undefined,
      zones_watched: watched().join(' ') || undefined,
    },
  });
  cameFrom = location.href;
  fire('view');
}

// The page by the product file's patterns; the first that fits.
export function pageName(): string | undefined {
  const path = safe(() => decodeURI(location.pathname)) ?? location.pathname;
  for (const [name, patterns] of Object.entries(settings.pages)) {
    if (patterns.some((each) => new RegExp(each).test(path) || new RegExp(each).test(location.host + path))) return name;
  }
  return undefined;
}

export function watched(): string[] {
  const page = pageName();
  return settings.zones.filter((zone) => zone.page === page).map((zone) => zone.name);
}

// Once somebody agreed: the load's page view was never told, so this one is the load's, and came from where that did.
export function begunAnew(): void {
  if (!hasRouted) cameFrom = document.referrer;
  state.loadView = state.loadUrl = '';
}

export function left(): void {
  if (!state.view) return;
  fire('left');
  send({ kind: 'page_leave', duration_ms: now() - begun });
}

function routed(): void {
  // After the router has set title and address.
  setTimeout(() => {
    if (here() === place) return;
    hasRouted = true;
    left();
    viewed('route');
  }, 0);
}

export function followRoutes(): void {
  for (const name of ['pushState', 'replaceState'] as const) {
    const original = history[name];
    history[name] = function (this: History, ...given: Parameters<History['pushState']>): void {
      original.apply(this, given);
      routed();
    };
  }
  addEventListener('popstate', routed);
  addEventListener('hashchange', routed);
}
