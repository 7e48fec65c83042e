// Recent questions, kept in this browser only; the page works without any script.
"use strict";
(() => {
  const KEY = "footfall.recent", MOST = 8;
  const read = () => { try { return JSON.parse(localStorage.getItem(KEY)) || []; } catch { return []; } };
  const keep = () => {
    const answer = document.querySelector("main[data-title]");
    if (!answer || !location.search) return;
    const entry = { text: answer.dataset.title, address: "ask" + location.search };
    const rest = read().filter((each) => each.address !== entry.address);
    try { localStorage.setItem(KEY, JSON.stringify([entry, ...rest].slice(0, MOST))); } catch { /* a private window */ }
  };
  const show = () => {
    const place = document.getElementById("recent"), known = read();
    if (!place || !known.length) return;
    const list = place.querySelector("ul");
    for (const { text, address } of known) {
      if (typeof text !== "string" || typeof address !== "string" || !address.startsWith("ask?")) continue;
      const link = document.createElement("a"), item = document.createElement("li");
      link.href = address; link.textContent = text; item.append(link); list.append(item);
    }
    place.hidden = !list.children.length;
  };
  // What is chosen beside an empty line waits for its words: asked now, it would be forgotten.
  document.addEventListener("change", (event) => {
    const name = event.target.name || "", form = event.target.form;
    const of = /^(did|when|times)\.(\d+)$/.exec(name) || /^(about)\.(\d+)$/.exec(name);
    const words = of && form && form.elements.namedItem((of[1] === "about" ? "cond." : "who.") + of[2]);
    if (words && !words.value.trim()) event.stopPropagation();
  }, true);
  // On a phone the answer lies above the form.
  document.addEventListener("htmx:afterSettle", (event) => {
    const answer = document.getElementById("answer");
    if (answer && event.target.id === "page" && answer.getBoundingClientRect().bottom < 80) answer.scrollIntoView({ block: "start" });
  });
  keep(); show();
  document.addEventListener("htmx:afterSettle", keep);
  document.addEventListener("keydown", (event) => {
    // As in other tools: / goes to the first field.
    if (event.key !== "/" || event.ctrlKey || event.metaKey || /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) return;
    const field = document.querySelector("#ask input:not([type=hidden]), #ask select");
    if (field) { event.preventDefault(); field.focus(); }
  });
})();
