// How forms are filled in: how often a field was changed, whether it holds something, never what.

import { now } from './env';
import { chain, isOwn, target } from './elements';
import { send } from './queue';

type Field = HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement;
const isField = (element: Element | null): element is Field => !!element?.matches('input,textarea,select');

export function followForms(): void {
  const open = new WeakMap<Element, { at: number; changes: number }>();
  addEventListener('focusin', (event) => {
    const field = target(event);
    if (isField(field) && !isOwn(event)) open.set(field, { at: now(), changes: 0 });
  });
  addEventListener('input', (event) => {
    const known = open.get(target(event)!);
    if (known) known.changes += 1;
  }, true);
  addEventListener('focusout', (event) => {
    const field = target(event);
    const known = field && open.get(field);
    if (!isField(field) || !known || isOwn(event)) return;
    open.delete(field);
    if (!known.changes) return;
    const properties = { changes: known.changes, filled: field.value !== '' };
    send({ kind: 'input', element_chain: chain(field), duration_ms: now() - known.at, properties });
  });
  addEventListener('invalid', (event) => {
    const field = target(event);
    if (!isField(field) || isOwn(event)) return;
    let why = '';
    for (const name in field.validity) if (name !== 'valid' && field.validity[name as keyof ValidityState]) why = name;
    send({ kind: 'validation', element_chain: chain(field), name: why });
  }, true);
  addEventListener('submit', (event) => {
    if (!isOwn(event)) send({ kind: 'form_submit', element_chain: chain(target(event)) });
  }, true);
}
