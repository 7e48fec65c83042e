"use strict";
// Provenance of numbers on hover and on focus, and pickers that choose among the rows which stand in the page. In a table one
// cell is in the order of tabs; arrow keys move between cells, Enter or a click unfolds the provenance, Escape hides it. Texts are
// set as text.
(() => {
  const card = document.getElementById("provenance");

  // The number itself, how many and how sure (or what it is), and the rest, which a click or Enter shows.
  function told(cell) {
    if (cell.dataset.provenance && cell.dataset.name) {
      const [what, ...rest] = cell.dataset.provenance.split("\n");
      return { first: cell.dataset.name + ": " + cell.dataset.value, second: what, rest };
    }
    const row = cell.parentElement;
    const heads = [...cell.closest("table").tHead.rows[0].cells];
    const head = heads[cell.cellIndex];
    if (!head || !head.dataset.provenance) return null;
    const [what, ...rest] = head.dataset.provenance.split("\n");
    const first = row.cells[0].textContent + ", " + head.textContent.trim();
    if (cell.tagName !== "TD") return { first, second: what, rest };
    const of = (role) => heads.flatMap((each, i) => (each.dataset.role === role && i !== cell.cellIndex && row.cells[i] ? [each.textContent.trim() + " " + row.cells[i].textContent] : []));
    const ends = ["low", "high"].map((role) => heads.findIndex((each) => each.dataset.role === role)).filter((i) => i >= 0 && row.cells[i]);
    const facts = of("n").length ? ["n: " + of("n").join(", ")] : [];
    // An interval belongs to the number in front of it.
    if (ends.length === 2 && cell.cellIndex === ends[0] - 1) facts.push("Interval: " + row.cells[ends[0]].textContent + " to " + row.cells[ends[1]].textContent);
    const short = [row.dataset.about, ...facts].filter(Boolean).join("; ");
    // What a row is stands once, in the rows that are shown first.
    const alike = [...cell.closest("table").tBodies[0].rows].find((each) => each.cells[0].textContent === row.cells[0].textContent);
    const meaning = alike && alike.dataset.meaning;
    return { first: first + ": " + cell.textContent, second: short || what, rest: [meaning, short && what, ...rest].filter(Boolean) };
  }

  let pinned = null;

  function show(cell) {
    const { first, second, rest } = told(cell) || {};
    if (!first) return hide();
    const part = (kind, text) => Object.assign(document.createElement(kind), { textContent: text });
    const folded = pinned === cell ? rest.map((line) => part("p", line)) : [part("small", "Click or Enter: what it is and where it comes from")];
    card.replaceChildren(part("strong", first), part("p", second), ...(rest.length ? folded : []));
    card.hidden = false;
    const box = cell.getBoundingClientRect();
    const width = Math.min(360, innerWidth - 24);
    card.style.width = width + "px";
    card.style.left = Math.max(12, Math.min(box.left, innerWidth - width - 12)) + scrollX + "px";
    const below = box.bottom + 8 + card.offsetHeight < innerHeight || box.top < card.offsetHeight + 8;
    card.style.top = (below ? box.bottom + 8 : box.top - card.offsetHeight - 8) + scrollY + "px";
    cell.setAttribute("aria-describedby", "provenance");
  }

  function hide() {
    card.hidden = true;
    pinned = null;
    document.querySelectorAll("[aria-describedby=provenance]").forEach((each) => each.removeAttribute("aria-describedby"));
  }

  function pin(cell) {
    hide();
    pinned = cell;
    show(cell);
  }

  const cellOf = (target) => target instanceof Element && target.closest("td, th, .tile[data-provenance]");
  document.addEventListener("mouseover", (event) => { const cell = cellOf(event.target); if (pinned) return; if (cell) show(cell); else hide(); });
  document.addEventListener("focusin", (event) => { const cell = cellOf(event.target); if (pinned && pinned !== cell) hide(); if (cell) show(cell); else hide(); });
  document.addEventListener("click", (event) => {
    const cell = cellOf(event.target);
    if (event.target instanceof Element && event.target.closest("a, button, select, summary")) return;
    if (cell && cell !== pinned) pin(cell); else hide();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") return hide();
    const cell = cellOf(event.target);
    if (event.key === "Enter" && cell === event.target) return pinned === cell ? hide() : pin(cell);
    const step = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] }[event.key];
    if (!cell || !step || !cell.closest("table")) return;
    const rows = [...cell.closest("table").rows].filter((row) => row.offsetParent !== null);
    const row = rows[rows.indexOf(cell.parentElement) + step[0]];
    const next = row && row.cells[cell.cellIndex + step[1]];
    if (!next) return;
    event.preventDefault();
    cell.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  });

  for (const table of document.querySelectorAll("main table")) {
    if (!table.querySelector("th[data-provenance]")) continue;
    const first = table.querySelector("tbody:not([hidden]) td") || table.querySelector("thead th");
    first.tabIndex = 0;
  }

  for (const box of document.querySelectorAll("[data-picks]")) {
    const table = document.getElementById("picked-" + box.dataset.picks);
    const selects = [...box.querySelectorAll("select")];
    const part = box.dataset.picks + ".";
    const draw = () => {
      const picked = selects.map((select) => select.value).join("|");
      for (const body of table.tBodies) body.hidden = body.dataset.picked !== picked;
    };
    selects.forEach((select) => select.addEventListener("change", () => { picks.keep(part + select.name, select.value); draw(); }));
    picks.restore(selects, part);
    // A browser may come back with what was picked before.
    draw();
  }

  for (const box of document.querySelectorAll("[data-filters]")) {
    const rows = [...document.getElementById("filtered-" + box.dataset.filters).tBodies[0].rows];
    const selects = [...box.querySelectorAll("select")];
    const draw = () => {
      const fits = (row) => selects.every((select) => !select.value || row.dataset[select.name].split("|").includes(select.value));
      for (const row of rows) row.hidden = !fits(row);
      const first = rows.find((row) => !row.hidden);
      if (first && first.cells[1]) first.cells[1].tabIndex = 0;
      box.querySelector("output").textContent = rows.filter((row) => !row.hidden).length + " of " + rows.length;
    };
    selects.forEach((select) => select.addEventListener("change", () => { picks.keep(select.name, select.value); draw(); }));
    picks.restore(selects, "");
    draw();
  }
})();
