// Zones over the picture of their page: page, device, period and metric are picked.
const page = picker("Page", named(unique(data.views.map((view) => view.page))));
const device = picker("Device", []);
const period = picker("Period", [["all", "whole history"], ["last_28", "last 28 days"], ["last_7", "last 7 days"]]);
const metric = picker("Metric", Object.entries(data.metrics).map(([name, each]) => [name, each.label]));
const details = document.getElementById("details");
const BAD = new Set(["rage_rate", "dead_rate", "error_rate"]);
// From little to much, told apart by the colour-blind and in grey; what is bad is red.
const GOOD_SCALE = ["#d6e6f4", "#a8cee5", "#6aaed6", "#3787c0", "#0b559f"], BAD_SCALE = ["#fde0d2", "#fcb499", "#fb7f5d", "#e13328", "#990f15"];
const scaleOf = () => (BAD.has(metric.value) ? BAD_SCALE : GOOD_SCALE);

function shown(pair, as) {
  if (!pair) return "\u2013";
  const value = pair[0] / pair[1];
  if (as === "share") return (100 * value).toFixed(1) + " %";
  if (as === "seconds") return value.toFixed(1) + " s";
  if (as === "money") return value.toFixed(2) + " " + data.currency;
  return value.toFixed(2);
}

function tell(zone) {
  const rows = Object.entries(data.metrics).map(([name, each]) => {
    const pair = zone.values[period.value][name];
    const row = document.createElement("tr");
    const label = document.createElement("th");
    const value = document.createElement("td");
    const from = document.createElement("td");
    label.textContent = each.label;
    value.textContent = shown(pair, each.as);
    from.textContent = pair && each.as === "share" ? pair[0].toLocaleString("en") + " of " + pair[1].toLocaleString("en") : "";
    row.append(label, value, from);
    return row;
  });
  const table = document.createElement("table");
  const title = document.createElement("h3");
  title.textContent = zone.name;
  table.append(...rows);
  details.replaceChildren(title, table);
}

function overlay(view, height, most, scale) {
  const title = svg("title", {}, "Zones of " + view.page + " on " + view.device);
  const drawn = svg("svg", { viewBox: `0 0 ${view.width} ${height}`, role: "img" }, title);
  drawn.append(svg("image", { href: data.pictures[view.picture], width: view.width, height, class: "grey" }));
  const size = 13 * scale;
  // Zones inside others are drawn over them; labels come last, so that none is covered.
  const ordered = [...view.zones].sort((a, b) => b.box[2] * b.box[3] - a.box[2] * a.box[3]);
  const labels = [];
  for (const zone of ordered) {
    const [x, y, width, tall] = zone.box;
    const pair = zone.values[period.value][metric.value];
    const strength = pair && most > 0 ? pair[0] / pair[1] / most : 0;
    const colours = scaleOf();
    const fill = pair ? colours[Math.min(colours.length - 1, Math.floor(strength * colours.length))] : "#e0e0e0";
    const area = svg("rect", { x, y, width, height: tall, fill, "fill-opacity": 0.86, class: "zone", tabindex: 0 });
    area.append(svg("title", {}, zone.name));
    area.addEventListener("click", () => tell(zone));
    area.addEventListener("focus", () => tell(zone));
    drawn.append(area);
    const text = shown(pair, data.metrics[metric.value].as);
    const whole = width > 11 * size ? zone.name.replaceAll("_", " ") + "  " + text : text;
    const broad = whole.length * size * 0.6 + size;
    const top = tall < 1.7 * size ? y + tall / 2 - 0.8 * size : y;
    const left = Math.max(0, Math.min(x, view.width - broad));
    labels.push(svg("rect", { x: left, y: top, width: broad, height: 1.6 * size, rx: size / 4, class: "tag" }));
    labels.push(svg("text", { x: left + size / 2, y: top + 1.15 * size, "font-size": size, class: "tag" }, whole));
  }
  drawn.append(...labels);
  return drawn;
}

// What the colours mean, from nothing to the most of all panes.
function legend(most) {
  const as = data.metrics[metric.value].as;
  const row = document.createElement("p");
  row.className = "legend";
  const ends = [[0, 1], [most, 1]].map((pair) => document.createTextNode(shown(pair, as)));
  const colours = scaleOf();
  const bar = svg("svg", { width: 32 * colours.length, height: 14, role: "img" }, svg("title", {}, "From " + shown([0, 1], as) + " to " + shown([most, 1], as)));
  bar.append(...colours.map((fill, place) => svg("rect", { x: 32 * place, width: 32, height: 14, fill })));
  row.append(data.metrics[metric.value].label + ": ", ends[0], bar, ends[1]);
  return row;
}

const Z = 1.959964;
function wilson([hits, of]) {
  const share = hits / of, below = 1 + (Z * Z) / of, middle = share + (Z * Z) / (2 * of);
  const half = Z * Math.sqrt((share * (1 - share)) / of + (Z * Z) / (4 * of * of));
  return [(middle - half) / below, (middle + half) / below];
}

// The difference of two shares with its 95 % interval (Newcombe's, from both Wilson intervals).
function difference(after, before) {
  const [one, other] = [after, before].map(([hits, of]) => hits / of);
  const [a, b] = [wilson(after), wilson(before)], change = one - other;
  return [change, change - Math.hypot(one - a[0], b[1] - other), change + Math.hypot(a[1] - one, other - b[0])];
}

const points = (value) => (value > 0 ? "+" : "") + (100 * value).toFixed(1);

// Zones by the chosen metric, most first; of two stretches side by side with the change.
function ranking(views) {
  const as = data.metrics[metric.value].as;
  const names = unique(views.flatMap((view) => view.zones.map((zone) => zone.name)));
  const rows = names.map((name) => [name, views.map((view) => view.zones.find((zone) => zone.name === name)?.values[period.value][metric.value])]);
  const last = (pairs) => { const known = pairs.findLast((pair) => pair); return known ? known[0] / known[1] : -1; };
  rows.sort((a, b) => last(b[1]) - last(a[1]) || a[0].localeCompare(b[0]));
  const compares = views.length === 2 && as === "share";
  const table = document.createElement("table");
  const line = (cells, tag) => {
    const row = document.createElement("tr");
    row.append(...cells.map((text) => Object.assign(document.createElement(tag), { textContent: text })));
    return row;
  };
  const head = document.createElement("thead"), body = document.createElement("tbody");
  head.append(line(["zone", ...views.map((view) => view.from + " to " + view.to), ...(compares ? ["change, points", "95 %"] : [])], "th"));
  const from = "From the mart zone_metrics: " + data.metrics[metric.value].of + " of the days.";
  [...head.rows[0].cells].slice(1).forEach((cell, place) => {
    cell.dataset.provenance = place < views.length ? from : from + " The difference of the two shares, with Newcombe's 95 % interval.";
  });
  table.append(head, body);
  for (const [name, pairs] of rows) {
    const cells = [name.replaceAll("_", " "), ...pairs.map((pair) => shown(pair, as))];
    if (compares && pairs[0] && pairs[1]) {
      const [change, low, high] = difference(pairs[1], pairs[0]);
      cells.push(points(change), points(low) + " to " + points(high));
    }
    body.append(line(cells, "td"));
  }
  const box = document.createElement("div");
  for (const [attribute, value] of Object.entries({ class: "scroll", tabindex: "0", role: "region", "aria-label": "All zones of the page by the metric" })) box.setAttribute(attribute, value);
  box.append(table);
  return box;
}

function draw() {
  refill(device, named(unique(data.views.filter((view) => view.page === page.value).map((view) => view.device))));
  const views = data.views.filter((view) => view.page === page.value && view.device === device.value);
  const rates = views.flatMap((view) => view.zones.map((zone) => zone.values[period.value][metric.value]));
  const most = Math.max(0, ...rates.filter(Boolean).map(([top, bottom]) => top / bottom));
  details.replaceChildren(legend(most), ranking(views));
  panes(views, (figure, view, picture, height) => {
    const scale = Math.max(1, view.width / Math.max(200, figure.clientWidth));
    figure.append(overlay(view, height, most, scale));
  });
}

draw();
