// A prompt: a region beside the page that takes no focus and traps nobody, one question at a time.

import type { Question, Survey } from './state';

const { flush, nonce, send, uid } = window.footfall._;

const OWN: Record<string, [close: string, next: string, sends: string, thanks: string]> = {
  en: ['Close', 'Next', 'Send', 'Thank you.'],
  de: ['Schließen', 'Weiter', 'Senden', 'Danke.'],
  fr: ['Fermer', 'Suivant', 'Envoyer', 'Merci.'],
  es: ['Cerrar', 'Siguiente', 'Enviar', 'Gracias.'],
  it: ['Chiudi', 'Avanti', 'Invia', 'Grazie.'],
  nl: ['Sluiten', 'Volgende', 'Versturen', 'Bedankt.'],
  pt: ['Fechar', 'Seguinte', 'Enviar', 'Obrigado.'],
  ar: ['إغلاق', 'التالي', 'إرسال', 'شكرًا لك.'],
  he: ['סגירה', 'הבא', 'שליחה', 'תודה.'],
};
const RIGHT_TO_LEFT = ['ar', 'he', 'fa', 'ur'];
const SHOWN_MS = 1000;
const THANKS_MS = 4000;
const STYLE = `
:host{all:initial;--ink:#1a1f29;--soft:#4a5261;--paper:#fff;--edge:#6b7588;--mark:#1f4f99;--on:#fff}
@media(prefers-color-scheme:dark){:host{--ink:#eef1f6;--soft:#b9c1cf;--paper:#1c222c;--edge:#8b95a8;--mark:#8db6ff;--on:#10151d}}
section{position:fixed;inset-inline-end:16px;bottom:16px;width:min(400px,calc(100vw - 32px));max-height:calc(100vh - 32px);overflow:auto;
box-sizing:border-box;padding:16px;font:16px/1.4 system-ui,sans-serif;color:var(--ink);background:var(--paper);border:1px solid var(--edge);
border-radius:10px;box-shadow:0 8px 30px #0005;z-index:2147483646}
section.wide{width:min(580px,calc(100vw - 32px))}
fieldset{border:0;margin:0 0 12px;padding:0;min-width:0}
legend{padding:0;margin-bottom:10px;padding-inline-end:44px;font-weight:600}
.scale{display:grid;grid-template-columns:repeat(auto-fit,minmax(44px,1fr));gap:4px}
.choices{display:grid;gap:6px}
label{position:relative;display:block}
label input{position:absolute;inset:0;width:100%;height:100%;margin:0;opacity:0;cursor:pointer}
label span{display:flex;align-items:center;min-height:44px;box-sizing:border-box;padding:4px 12px;border:1px solid var(--edge);border-radius:8px}
.scale span{justify-content:center;padding:0}
input:checked+span{color:var(--on);background:var(--mark);border-color:var(--mark)}
input:focus-visible+span,button:focus-visible,textarea:focus-visible{outline:3px solid var(--mark);outline-offset:2px}
.ends{display:flex;justify-content:space-between;gap:12px;margin-top:6px;font-size:14px;color:var(--soft)}
textarea{width:100%;min-height:88px;box-sizing:border-box;padding:8px;font:inherit;color:inherit;background:transparent;border:1px solid var(--edge);border-radius:8px}
button{min-height:44px;min-width:44px;padding:8px 18px;font:inherit;font-weight:600;color:var(--on);background:var(--mark);border:0;border-radius:8px;cursor:pointer}
button.close{position:absolute;top:6px;inset-inline-end:6px;padding:0;font-size:22px;color:var(--ink);background:none}
p{margin:0;padding-inline-end:44px}
@media(prefers-reduced-motion:no-preference){section{animation:up .2s}}
@keyframes up{from{transform:translateY(8px);opacity:0}}`;

function add<K extends keyof HTMLElementTagNameMap>(
  parent: Node, name: K, attributes: Record<string, string> = {}, text = '',
): HTMLElementTagNameMap[K] {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text) made.textContent = text;
  parent.appendChild(made);
  return made;
}

export class Prompt {
  private readonly host = document.createElement('div');
  private readonly root = this.host.attachShadow({ mode: 'open' });
  private readonly response = uid();
  private readonly said: Record<string, unknown>;
  private readonly own: [string, string, string, string];
  private readonly answers: Record<string, string> = {};
  private readonly watching: IntersectionObserver;
  private readonly before = document.activeElement as HTMLElement | null;
  private isDone = false;

  constructor(
    private readonly survey: Survey,
    private readonly language: string,
    trigger: string,
    private readonly closed: () => void,
  ) {
    this.said = { survey_id: survey.id, survey_trigger: trigger };
    this.own = OWN[language] ?? OWN.en!;
    this.host.setAttribute('data-footfall', '');
    this.style();
    // Keys that are typed here aren't the page's.
    this.root.addEventListener('keydown', (event) => {
      event.stopPropagation();
      if ((event as KeyboardEvent).key === 'Escape') this.dismiss();
    });
    this.section();
    this.watching = this.watch();
    document.body.append(this.host);
    // Read out when the person is free, after it is there.
    setTimeout(() => this.ask(0), 50);
  }

  private style(): void {
    try {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(STYLE);
      this.root.adoptedStyleSheets = [sheet];
    } catch {
      // Browsers without constructed style sheets.
      add(this.root, 'style', nonce ? { nonce } : {}, STYLE);
    }
  }

  // There before what it says: a region that comes with its text isn't read out.
  private section(): HTMLElement {
    const old = this.root.querySelector('section');
    if (old) {
      old.replaceChildren();
      old.classList.remove('wide');
      return old;
    }
    const direction = RIGHT_TO_LEFT.includes(this.language) ? 'rtl' : 'ltr';
    return add(this.root, 'section', { 'aria-live': 'polite', 'aria-labelledby': 'q', lang: this.language, dir: direction });
  }

  // The next question that is to be asked, if there is one.
  private ask(from: number): void {
    const questions = this.survey.words[this.language]!;
    const at = questions.findIndex((question, i) => i >= from && this.applies(question));
    const section = this.section();
    const close = add(section, 'button', { class: 'close', type: 'button', 'aria-label': this.own[0] }, '×');
    close.onclick = (): void => this.dismiss();
    if (at < 0) {
      add(section, 'p', { id: 'q' }, this.own[3]);
      this.isDone = true;
      setTimeout(() => this.close(), THANKS_MS);
      return;
    }
    const question = questions[at]!;
    const form = add(section, 'form');
    const fields = add(form, 'fieldset');
    add(fields, 'legend', { id: 'q' }, question.text);
    this.field(fields, question);
    const isLast = !questions.slice(at + 1).some((each) => this.applies(each) || each.name in this.survey.only);
    add(form, 'button', { type: 'submit' }, this.own[isLast ? 2 : 1]);
    form.onsubmit = (event): void => {
      event.preventDefault();
      const answer = String(new FormData(form).get('answer') ?? '').trim();
      if (answer) this.answered(question, answer);
      else if (question.kind !== 'text') return;
      const hadFocus = this.root.activeElement;
      this.ask(at + 1);
      // Whoever was in the prompt stays in it.
      if (hadFocus) (this.root.querySelector<HTMLElement>('input,textarea') ?? this.root.querySelector('button'))?.focus();
    };
  }

  private field(fields: HTMLElement, question: Question): void {
    const { scale, choices, ends } = question;
    if (!scale && !choices.length) {
      add(fields, 'textarea', { name: 'answer', maxlength: '2000', 'aria-labelledby': 'q' });
      return;
    }
    const shown = scale ? Array.from({ length: scale[1] - scale[0] + 1 }, (_, i) => [String(scale[0] + i), String(scale[0] + i)]) : choices;
    // Eleven stand side by side where there is room.
    this.root.querySelector('section')!.classList.toggle('wide', shown.length > 7 && !!scale);
    const row = add(fields, 'div', { class: scale ? 'scale' : 'choices' });
    for (const [value, text] of shown) {
      const label = add(row, 'label');
      add(label, 'input', { type: 'radio', name: 'answer', value: value!, required: '' });
      add(label, 'span', {}, text);
    }
    if (!ends[0] && !ends[1]) return;
    const below = add(fields, 'div', { class: 'ends' });
    // With its number: on a phone a scale takes two rows.
    ends.forEach((end, i) => end && add(below, 'span', {}, scale ? `${scale[i]}: ${end}` : end));
  }

  private applies(question: Question): boolean {
    const only = this.survey.only[question.name];
    if (!only) return true;
    const answer = this.answers[only.question];
    if (answer === undefined) return false;
    const score = Number(answer);
    return score >= (only.least ?? -Infinity) && score <= (only.most ?? Infinity);
  }

  private answered(question: Question, answer: string): void {
    this.answers[question.name] = answer;
    const told = question.scale ? { score: Number(answer) } : question.choices.length ? { choice: answer } : { text: answer };
    send({ kind: 'survey_answered', question_id: question.name, response_id: this.response, ...this.said, ...told });
    void flush();
  }

  // Shown is what was seen: half of it for a second.
  private watch(): IntersectionObserver {
    let timer = 0;
    const watching = new IntersectionObserver(([entry]) => {
      clearTimeout(timer);
      if (!entry?.isIntersecting) return;
      timer = window.setTimeout(() => {
        watching.disconnect();
        send({ kind: 'survey_shown', ...this.said });
      }, SHOWN_MS);
    }, { threshold: 0.5 });
    setTimeout(() => {
      const section = this.root.querySelector('section');
      if (section) watching.observe(section);
    }, 100);
    return watching;
  }

  private dismiss(): void {
    // Closed without an answer: one who answered the first question answered.
    if (!this.isDone && !Object.keys(this.answers).length) send({ kind: 'survey_dismissed', ...this.said });
    this.close();
  }

  private close(): void {
    this.watching.disconnect();
    const hadFocus = this.root.activeElement !== null;
    this.host.remove();
    if (hadFocus) this.before?.focus();
    this.closed();
  }
}
