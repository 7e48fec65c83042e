// Asks the surveys of the product file: when, whom and in which words stands there (docs/capture.md, "Asking").

import { Prompt } from './prompt';
import type { Survey } from './state';

const { local, on, pageName, recent, settings, state } = window.footfall._;
const DAY_MS = 86_400_000;
let isOpen = false;

const language = (survey: { words: Record<string, unknown> }): string => {
  const own = (document.documentElement.lang || navigator.language).slice(0, 2).toLowerCase();
  return own in survey.words ? own : Object.keys(survey.words)[0]!;
};

// Whether this browser is one of those that are asked, once and for all.
function isChosen(survey: Survey): boolean {
  const key = `in_${survey.id}`;
  const known = local.get(key) ?? String(Math.random());
  local.set(key, known);
  return Number(known) < survey.share;
}

function mayAsk(survey: Survey): boolean {
  const last = Number(local.get(`asked_${survey.id}`) ?? 0);
  const isHere = !survey.pages.length || survey.pages.includes(pageName() ?? '');
  return !isOpen && state.consent === 'yes' && isHere && Date.now() - last > survey.once_in_days * DAY_MS && isChosen(survey);
}

function show(survey: Survey, trigger: string): void {
  isOpen = true;
  local.set(`asked_${survey.id}`, String(Date.now()));
  new Prompt(survey, language(survey), trigger, () => {
    isOpen = false;
  });
}

function ask(survey: Survey): void {
  const { view } = state;
  setTimeout(() => {
    // Not on another page than the one that it is about.
    if (mayAsk(survey) && (view === state.view || survey.on !== 'page')) show(survey, survey.on);
  }, survey.after_ms);
}

function widget(survey: Survey): void {
  const host = document.createElement('div');
  host.setAttribute('data-footfall', '');
  const button = document.createElement('button');
  const spoken = language(survey);
  button.type = 'button';
  button.textContent = survey.label[spoken] ?? 'Feedback';
  button.style.cssText =
    'position:fixed;inset-inline-end:16px;bottom:16px;min-height:44px;padding:8px 16px;font:600 15px system-ui,sans-serif;' +
    'color:#fff;background:#1f4f99;border:1px solid #fff;border-radius:22px;z-index:2147483645;cursor:pointer';
  button.onclick = (): void => {
    if (!isOpen && state.consent === 'yes') show(survey, 'widget');
  };
  host.attachShadow({ mode: 'open' }).append(button);
  const place = (): void => {
    host.hidden = !!survey.pages.length && !survey.pages.includes(pageName() ?? '');
  };
  place();
  on('view', place);
  document.body.append(host);
}

function follow(survey: Survey): void {
  if (survey.on === 'widget') return widget(survey);
  if (survey.on === 'exit_intent') {
    // The pointer leaves over the upper edge, where tabs and the address are; nothing of the kind on a phone.
    document.documentElement.addEventListener('pointerleave', (event) => {
      if (event.pointerType === 'mouse' && event.clientY <= 0) ask(survey);
    });
    return;
  }
  if (survey.on !== 'page') {
    const heard = ({ kind, name }: { kind: string; name?: string }): void => {
      if (kind === survey.on || (kind === 'custom' && name === survey.on)) ask(survey);
    };
    on('sent', (told) => heard(told as { kind: string }));
    // An order is told while its page loads.
    recent.forEach(heard);
    return;
  }
  const seen = (): boolean => {
    const root = document.scrollingElement ?? document.documentElement;
    return (scrollY + innerHeight) / root.scrollHeight >= survey.scroll;
  };
  let asked = '';
  const look = (): void => {
    if (asked === state.view || !seen()) return;
    asked = state.view;
    ask(survey);
  };
  addEventListener('scroll', look, { passive: true });
  on('view', look);
  look();
}

for (const survey of settings.surveys) follow(survey);
window.footfall.survey = (id: string): void => {
  const survey = settings.surveys.find((each) => each.id === id);
  if (survey && !isOpen && state.consent === 'yes') show(survey, 'called');
};
