"use strict";
// What the pages with pictures share: pickers, panes, numbers. Everything shown is set as text, never as HTML.
const data = JSON.parse(document.getElementById("data").textContent);
const stage = document.getElementById("stage");
const pickers = document.getElementById("pickers");
const SVG = "http://www.w3.org/2000/svg";

function picker(label, options, chosen) {
  const box = document.createElement("label");
  const select = document.createElement("select");
  box.append(label + " ", select);
  for (const [value, text] of options) select.add(new Option(text, value));
  select.name = label.toLowerCase();
  if (chosen !== undefined) select.value = chosen;
  picks.restore([select], "");
  select.addEventListener("change", () => { picks.keep(select.name, select.value); draw(); });
  pickers.append(box);
  return select;
}

function refill(select, options) {
  // Not chosen yet: as the address says.
  const before = select.value || picks.get(select.name);
  select.replaceChildren(...options.map(([value, text]) => new Option(text, value)));
  if (options.some(([value]) => value === before)) select.value = before;
  select.parentElement.hidden = options.length < 2;
}

const unique = (values) => [...new Set(values)];
const named = (values) => values.map((value) => [value, value.replaceAll("_", " ")]);

function svg(name, attributes, ...children) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

// A pane for each stretch of days between which the page changed; `fill` draws over the picture once its size is known.
function panes(views, fill) {
  stage.replaceChildren();
  stage.classList.toggle("beside", views.length > 1);
  for (const [place, view] of views.entries()) {
    const figure = document.createElement("figure");
    const caption = document.createElement("figcaption");
    caption.textContent = view.caption || view.from + " to " + view.to;
    const picture = new Image();
    picture.alt = view.page + " on " + view.device;
    // A phone's page is no broader than a phone.
    figure.style.maxWidth = view.width + "px";
    figure.append(caption);
    stage.append(figure);
    picture.addEventListener("load", () => {
      const height = Math.round((picture.naturalHeight * view.width) / picture.naturalWidth);
      fill(figure, view, picture, height, place);
    });
    picture.src = data.pictures[view.picture];
  }
}
