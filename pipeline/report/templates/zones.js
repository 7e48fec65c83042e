// Zones over the picture of their page: page, device, what is compared, period and metric are picked.
const page = picker("Page", named(unique(data.views.map((view) => view.page))));
const device = picker("Device", []);
const compare = picker("Compare", []);
const period = picker("Period", [["all", "whole history"], ["last_28", "last 28 days"], ["last_7", "last 7 days"]]);
const metric = picker("Metric", Object.entries(data.metrics).map(([name, each]) => [name, each.label]));
let drawing = 0;
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

// Numerator and denominator of a metric; none where nothing was measured.
function pairOf(zone, group, name) {
  const sums = zone.values[group] && zone.values[group][period.value];
  const pair = sums && data.metrics[name].pair.map((place) => sums[place]);
  return pair && pair[1] ? pair : undefined;
}

// The weeks of the chosen metric, as bars from zero.
function byWeek(zone) {
  const column = data.by_week.indexOf(metric.value) + 1;
  const weeks = zone.weeks.filter((each) => column && each[column][1]);
  const rates = weeks.map((each) => each[column][0] / each[column][1]);
  if (weeks.length < 2) return [];
  const wide = 28, tall = 90, most = Math.max(...rates, 1e-9);
  const said = data.metrics[metric.value].label + " by week, everybody";
  const drawn = svg("svg", { viewBox: `-16 0 ${wide * weeks.length + 32} ${tall + 34}`, width: wide * weeks.length + 32, height: tall + 34, role: "img", class: "weeks" }, svg("title", {}, said));
  weeks.forEach(([week], place) => {
    const high = (tall * rates[place]) / most, text = shown([rates[place], 1], "share");
    const bar = svg("rect", { x: wide * place + 3, y: 14 + tall - high, width: wide - 6, height: high }, svg("title", {}, "Week from " + week + ": " + text));
    drawn.append(bar);
    // Every third is named, and the last one.
    if (place % 3 === (weeks.length - 1) % 3) {
      drawn.append(svg("text", { x: wide * (place + 0.5), y: tall + 30, "text-anchor": "middle" }, week));
      drawn.append(svg("text", { x: wide * (place + 0.5), y: 10 + tall - high, "text-anchor": "middle" }, (100 * rates[place]).toFixed(0) + " %"));
    }
  });
  const title = document.createElement("h4");
  title.textContent = said;
  return [title, drawn];
}

function recordings(zone) {
  if (!zone.recordings.length) return [];
  const title = document.createElement("h4"), list = document.createElement("ul");
  title.textContent = "Recordings of clicks on it that failed";
  for (const [text, href] of zone.recordings) {
    const item = document.createElement("li");
    item.append(Object.assign(document.createElement("a"), { textContent: text, href }));
    list.append(item);
  }
  return [title, list];
}

function tell(zone, view) {
  const rows = Object.entries(data.metrics).map(([name, each]) => {
    const pair = pairOf(zone, view.group, name);
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
  title.textContent = zone.name.replaceAll("_", " ") + ", " + view.caption;
  table.append(...rows);
  const metrics = document.createElement("div"), more = document.createElement("div"), both = document.createElement("div");
  metrics.append(table);
  more.append(...byWeek(zone), ...recordings(zone));
  both.className = "told";
  both.append(metrics, more);
  details.querySelector(".zone")?.remove();
  const told = document.createElement("div");
  told.className = "zone";
  told.append(title, both);
  details.prepend(told);
}

// Where a label may lie: over its box, below it, else in it; the first place where no other label is.
function placed(taken, [x, y, width, tall], broad, high, view, height) {
  const left = Math.max(0, Math.min(x, view.width - broad));
  const tries = [[left, y - high - 2], [left, y + tall + 2], [left, y + 2], [Math.max(0, Math.min(x + width - broad, view.width - broad)), y + tall - high - 2]];
  for (let row = 1; row < 4; row++) tries.push([left, y + 2 + row * (high + 2)]);
  const free = ([a, b]) => b >= 0 && b + high <= height && taken.every(([c, d, wide]) => a + broad <= c || c + wide <= a || b + high <= d || d + high <= b);
  const chosen = tries.find(free) || [left, Math.max(0, y)];
  taken.push([...chosen, broad]);
  return chosen;
}

function overlay(view, height, most, scale, before) {
  const title = svg("title", {}, "Zones of " + view.page + " on " + view.device);
  const drawn = svg("svg", { viewBox: `0 0 ${view.width} ${height}`, role: "img" }, title);
  drawn.append(svg("image", { href: data.pictures[view.picture], width: view.width, height, class: "grey" }));
  const size = 13 * scale;
  // Zones inside others are drawn over them; labels come last, so that none is covered.
  const ordered = [...view.zones].sort((a, b) => b.box[2] * b.box[3] - a.box[2] * a.box[3]);
  const labels = [], taken = [], as = data.metrics[metric.value].as;
  for (const zone of ordered) {
    const [x, y, width, tall] = zone.box;
    const pair = pairOf(zone, view.group, metric.value);
    const strength = pair && most > 0 ? pair[0] / pair[1] / most : 0;
    const colours = scaleOf();
    const fill = pair ? colours[Math.min(colours.length - 1, Math.floor(strength * colours.length))] : "#e0e0e0";
    const area = svg("rect", { x, y, width, height: tall, fill, "fill-opacity": 0.86, class: "zone", tabindex: 0 });
    area.append(svg("title", {}, zone.name));
    area.addEventListener("click", () => tell(zone, view));
    area.addEventListener("focus", () => tell(zone, view));
    drawn.append(area);
    let whole = zone.name.replaceAll("_", " ") + "  " + shown(pair, as);
    const other = before && before.zones.find((each) => each.name === zone.name);
    const earlier = other && pairOf(other, before.group, metric.value);
    if (pair && earlier && as === "share") {
      const [change, low, high] = difference(pair, earlier).map(points);
      whole += "  " + change + " (" + low + " to " + high + ")";
    }
    const broad = whole.length * size * 0.6 + size, high = 1.6 * size;
    const [left, top] = placed(taken, zone.box, broad, high, view, height);
    labels.push(svg("rect", { x: left, y: top, width: broad, height: high, rx: size / 4, class: "tag" }));
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
  const rows = names.map((name) => [name, views.map((view) => { const zone = view.zones.find((each) => each.name === name); return zone && pairOf(zone, view.group, metric.value); })]);
  const last = (pairs) => { const known = pairs.findLast((pair) => pair); return known ? known[0] / known[1] : -1; };
  rows.sort((a, b) => last(b[1]) - last(a[1]) || a[0].localeCompare(b[0]));
  const compares = views.length > 1 && as === "share";
  const table = document.createElement("table");
  const line = (cells, tag) => {
    const row = document.createElement("tr");
    row.append(...cells.map((text) => Object.assign(document.createElement(tag), { textContent: text })));
    return row;
  };
  const head = document.createElement("thead"), body = document.createElement("tbody");
  head.append(line(["zone", ...views.map((view) => view.caption), ...(compares ? ["change, points", "95 %"] : [])], "th"));
  const from = "From the mart zone_metrics: " + data.metrics[metric.value].of + " of the days.";
  [...head.rows[0].cells].slice(1).forEach((cell, place) => {
    cell.dataset.provenance = place < views.length ? from : from + " The difference of the two shares, with Newcombe's 95 % interval.";
  });
  table.append(head, body);
  for (const [name, pairs] of rows) {
    const cells = [name.replaceAll("_", " "), ...pairs.map((pair) => shown(pair, as))];
    const [before, after] = pairs.slice(-2);
    if (compares && before && after) {
      const [change, low, high] = difference(after, before);
      cells.push(points(change), points(low) + " to " + points(high));
    }
    body.append(line(cells, "td"));
  }
  const box = document.createElement("div");
  for (const [attribute, value] of Object.entries({ class: "scroll", tabindex: "0", role: "region", "aria-label": "All zones of the page by the metric" })) box.setAttribute(attribute, value);
  box.append(table);
  return box;
}

// What stands side by side: stretches of days, two devices, or two groups of people, of the page as it is now.
function sides(own, devices) {
  const days = (view) => view.from + " to " + view.to;
  const now = own[own.length - 1];
  if (devices[compare.value]) {
    return [now, devices[compare.value]].map((view) => ({ ...view, group: "", caption: view.device + ", " + days(view) }));
  }
  if (data.compared[compare.value]) {
    const { groups, names } = data.compared[compare.value];
    return groups.map((group, place) => ({ ...now, group, caption: names[place] + ", " + days(now) }));
  }
  return own.map((view) => ({ ...view, group: "", caption: days(view) }));
}

function choices(own, devices) {
  const time = own.length > 1 ? "before and after" : "nothing";
  const has = (name) => own[own.length - 1].zones.some((zone) => zone.values[name]);
  const others = Object.keys(devices).filter((name) => name !== device.value).map((name) => [name, "with " + name]);
  const groups = Object.entries(data.compared).filter(([, each]) => each.groups.every(has)).map(([name, each]) => [name, each.names[0] + " with " + each.names[1]]);
  return [["time", time], ...others, ...groups];
}

function draw() {
  const ofPage = data.views.filter((view) => view.page === page.value);
  refill(device, named(unique(ofPage.map((view) => view.device))));
  const own = ofPage.filter((view) => view.device === device.value);
  // The newest stretch of each device.
  const devices = Object.fromEntries(ofPage.map((view) => [view.device, view]));
  refill(compare, choices(own, devices));
  const views = sides(own, devices);
  const rates = views.flatMap((view) => view.zones.map((zone) => pairOf(zone, view.group, metric.value)));
  const most = Math.max(0, ...rates.filter(Boolean).map(([top, bottom]) => top / bottom));
  details.replaceChildren(legend(most), ranking(views));
  const drawn = (drawing += 1);
  panes(views, (figure, view, picture, height, place) => {
    // Pictures load in whatever order; those of an earlier choice come too late.
    if (drawn !== drawing) return;
    const scale = Math.max(1, view.width / Math.max(200, figure.clientWidth));
    figure.append(overlay(view, height, most, scale, place === views.length - 1 && views[place - 1]));
  });
}

draw();
