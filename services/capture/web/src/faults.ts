// Errors of scripts, and requests that failed.

import { clean } from './elements';
import { base, send } from './queue';

const MOST_ALIKE = 5;
// Of one page load: messages that all differ are a loop.
const MOST = 100;
const told = new Map<string, number>();

function tell(type: string, message: string, properties: Record<string, unknown>): void {
  if (told.size > MOST) return;
  const key = type + message.slice(0, 500);
  const times = (told.get(key) ?? 0) + 1;
  told.set(key, times);
  if (times <= MOST_ALIKE) send({ kind: 'error', error_type: type, error_message: message.slice(0, 500), properties });
}

export function followFaults(): void {
  addEventListener('error', (event) => {
    if (!(event instanceof ErrorEvent)) return;
    const name = event.error instanceof Error ? event.error.name : event.filename ? 'Error' : 'CrossOrigin';
    tell(name, event.message, { file: event.filename && clean(event.filename), line: event.lineno });
  }, true);
  addEventListener('unhandledrejection', (event) => {
    const reason: unknown = event.reason;
    if (reason instanceof Error) tell(reason.name, reason.message, {});
    else tell('UnhandledRejection', String(reason), {});
  });
  if (!window.PerformanceObserver) return;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries() as (PerformanceResourceTiming & { responseStatus?: number })[]) {
      const status = entry.responseStatus ?? 0;
      if (status < 400 || !/^(fetch|xmlhttprequest)$/.test(entry.initiatorType) || entry.name.startsWith(base)) continue;
      const address = entry.name.split(/[?#]/)[0]!;
      tell('FailedRequest', `${status} ${address}`, { request_status: status, request_ms: Math.round(entry.duration) });
    }
  }).observe({ type: 'resource', buffered: true });
}
