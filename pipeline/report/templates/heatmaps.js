// Heatmaps over the picture of a page: page, device, kind and layer are picked.
const page = picker("Page", named(unique(data.views.map((view) => view.page))));
const device = picker("Device", []);
const kind = picker("Map", Object.entries(data.kinds));
const layer = picker("Layer", []);
const details = document.getElementById("details");
const COLOURS = [[0, 0, 255], [0, 200, 255], [60, 220, 60], [255, 225, 0], [255, 60, 0]];
// Points are smoothed on a grid of so many px of the page.
const GRID = 4;
let drawing = 0;
const REACH = 6;

function colour(strength) {
  const place = Math.min(0.9999, Math.max(0, strength)) * (COLOURS.length - 1);
  const low = COLOURS[Math.floor(place)];
  const high = COLOURS[Math.floor(place) + 1];
  return low.map((value, i) => Math.round(value + (high[i] - value) * (place % 1)));
}

function points(context, view, cells, height) {
  const columns = Math.ceil(view.width / GRID);
  const rows = Math.ceil(height / GRID);
  const heat = new Float32Array(columns * rows);
  const margin = (view.width - view.content) / 2;
  for (const [bin, y, n] of cells) {
    const inside = margin + ((bin + 0.5) / 100) * view.content;
    const left = bin < 0 ? margin / 2 : bin > 99 ? view.width - margin / 2 : inside;
    const column = Math.round(left / GRID);
    const row = Math.round(((y + 0.5) * data.bin) / GRID);
    for (let i = -REACH; i <= REACH; i++) {
      for (let j = -REACH; j <= REACH; j++) {
        const c = column + i;
        const r = row + j;
        if (c >= 0 && c < columns && r >= 0 && r < rows) {
          heat[r * columns + c] += n * Math.exp((-(i * i + j * j) * 4.5) / (REACH * REACH));
        }
      }
    }
  }
  // The hottest per mille would leave all else cold.
  const warm = heat.filter((value) => value > 0).sort();
  const most = warm.length ? warm[Math.floor((warm.length - 1) * 0.995)] : 1;
  const image = context.createImageData(columns, rows);
  for (let i = 0; i < heat.length; i++) {
    const strength = Math.sqrt(Math.min(1, heat[i] / most));
    if (strength < 0.06) continue;
    const [red, green, blue] = colour(strength);
    image.data.set([red, green, blue, 70 + 150 * strength], 4 * i);
  }
  const small = document.createElement("canvas");
  small.width = columns;
  small.height = rows;
  small.getContext("2d").putImageData(image, 0, 0);
  context.drawImage(small, 0, 0, view.width, height);
}

function bands(context, view, cells, height, whole) {
  const most = kind.value === "reach" ? whole : cells.reduce((highest, [, , n]) => Math.max(highest, n), 1);
  for (const [, y, n] of cells) {
    const [red, green, blue] = colour(n / most);
    context.fillStyle = `rgba(${red},${green},${blue},0.45)`;
    context.fillRect(0, y * data.bin, view.width, data.bin);
  }
  const last = cells.length ? (cells[cells.length - 1][1] + 1) * data.bin : 0;
  context.fillStyle = "rgba(0,0,30,0.5)";
  context.fillRect(0, last, view.width, height - last);
}

function marks(view, height, cells, whole, scale) {
  const size = 13 * scale;
  const title = svg("title", {}, data.kinds[kind.value] + " of " + view.page + " on " + view.device);
  const drawn = svg("svg", { viewBox: `0 0 ${view.width} ${height}`, role: "img", class: "marks" }, title);
  const mark = (y, text, dashed) => {
    drawn.append(svg("line", { x1: 0, x2: view.width, y1: y, y2: y, class: dashed ? "fold" : "depth" }));
    const broad = text.length * size * 0.6 + size;
    drawn.append(svg("rect", { x: 0, y: y - 0.8 * size, width: broad, height: 1.6 * size, rx: size / 4, class: "tag" }));
    drawn.append(svg("text", { x: size / 2, y: y + 0.35 * size, "font-size": size, class: "tag" }, text));
  };
  if (kind.value === "reach") {
    for (const wanted of [0.9, 0.75, 0.5, 0.25]) {
      const deepest = cells.filter(([, , n]) => n / whole >= wanted).pop();
      if (deepest) mark(Math.min((deepest[1] + 1) * data.bin, height), 100 * wanted + " % got here", false);
    }
  }
  if (view.fold && layer.value !== "fixed") mark(view.fold, "fold", true);
  return drawn;
}

function draw() {
  const of_page = data.views.filter((view) => view.page === page.value);
  refill(device, named(unique(of_page.map((view) => view.device))));
  const views = of_page.filter((view) => view.device === device.value);
  refill(layer, named(unique(["page", ...views.flatMap((view) => Object.keys(view.cells[kind.value]))])));
  const told = [];
  const drawn = (drawing += 1);
  panes(views, (figure, view, picture, height, place) => {
    // Pictures load in whatever order; those of an earlier choice come too late.
    if (drawn !== drawing) return;
    const cells = view.cells[kind.value][layer.value] || [];
    const total = cells.reduce((sum, [, , n]) => sum + n, 0);
    const whole = cells.length ? cells[0][2] : 1;
    const canvas = document.createElement("canvas");
    const box = document.createElement("div");
    canvas.width = view.width;
    canvas.height = height;
    box.className = "stack";
    const context = canvas.getContext("2d");
    if (kind.value === "click" || kind.value === "move") points(context, view, cells, height);
    else bands(context, view, cells, height, whole);
    const scale = Math.max(1, view.width / Math.max(200, figure.clientWidth));
    box.append(picture, canvas, marks(view, height, cells, whole, scale));
    figure.append(box);
    const most = cells.reduce((highest, [, , n]) => Math.max(highest, n), 0);
    const said = {
      click: () => total.toLocaleString("en") + " clicks",
      move: () => total.toLocaleString("en") + " positions of the pointer",
      attention: () => "Hottest stretch: " + (most / 3600).toFixed(1) + " hours in windows",
      reach: () => whole.toLocaleString("en") + " page views",
    };
    told[place] = said[kind.value]();
    details.textContent = told.filter(Boolean).join(" before, then ") + ". Windows: " + view.classes.join(", ") + " px wide.";
  });
}

draw();
