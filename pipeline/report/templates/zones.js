// Zones over the picture of their page: page, device, period and metric are picked.
const page = picker("Page", named(unique(data.views.map((view) => view.page))));
const device = picker("Device", []);
const period = picker("Period", [["all", "whole history"], ["last_28", "last 28 days"], ["last_7", "last 7 days"]]);
const metric = picker("Metric", Object.entries(data.metrics).map(([name, each]) => [name, each.label]));
const details = document.getElementById("details");
const BAD = new Set(["rage_rate", "dead_rate", "error_rate"]);

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
  drawn.append(svg("image", { href: data.pictures[view.picture], width: view.width, height }));
  const size = 13 * scale;
  const colour = BAD.has(metric.value) ? "178,34,34" : "26,84,166";
  // Zones inside others are drawn over them; labels come last, so that none is covered.
  const ordered = [...view.zones].sort((a, b) => b.box[2] * b.box[3] - a.box[2] * a.box[3]);
  const labels = [];
  for (const zone of ordered) {
    const [x, y, width, tall] = zone.box;
    const pair = zone.values[period.value][metric.value];
    const strength = pair && most > 0 ? pair[0] / pair[1] / most : 0;
    const fill = pair ? `rgba(${colour},${(0.1 + 0.55 * strength).toFixed(3)})` : "rgba(120,120,120,0.12)";
    const area = svg("rect", { x, y, width, height: tall, fill, class: "zone", tabindex: 0 });
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

function draw() {
  refill(device, named(unique(data.views.filter((view) => view.page === page.value).map((view) => view.device))));
  const views = data.views.filter((view) => view.page === page.value && view.device === device.value);
  const rates = views.flatMap((view) => view.zones.map((zone) => zone.values[period.value][metric.value]));
  const most = Math.max(0, ...rates.filter(Boolean).map(([top, bottom]) => top / bottom));
  details.replaceChildren();
  panes(views, (figure, view, picture, height) => {
    const scale = Math.max(1, view.width / Math.max(200, figure.clientWidth));
    figure.append(overlay(view, height, most, scale));
  });
}

draw();
