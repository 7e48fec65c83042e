// How fast the page loaded and answers: once for each load, told of the load's page view.

import { onCLS, onINP, onLCP } from 'web-vitals';

const { on, send, state } = window.footfall._;
const page = { page_view_id: state.loadView, url: state.loadUrl };
const known: Record<string, number> = {};
let told = '';

const all = { reportAllChanges: true };
onLCP((metric) => (known.lcp_ms = Math.round(metric.value)), all);
onINP((metric) => (known.inp_ms = Math.round(metric.value)), all);
onCLS((metric) => (known.cls_e4 = Math.round(metric.value * 1e4)), all);

function tell(): void {
  const measured = JSON.stringify(known);
  if (measured === '{}' || measured === told) return;
  told = measured;
  send({ kind: 'performance', ...page, ...known });
}
on('left', tell);
on('hide', tell);
