"use strict";
// Plays the recording that stands in the page, from the second in the address (#t=12.3); texts are set as text, never as HTML.
const told = JSON.parse(document.getElementById("data").textContent);
const state = document.getElementById("status");
// How long before a moment it begins: a link opens it with what led there.
const LEAD_MS = 2000, OPENS_MS = 8000;
const SPEEDS = [1, 2, 4, 8];
const COLOURS = { page: "#5f6368", click: "#5f6368", goal: "#3d8b3d", feedback: "#8430ce", error: "#c5453c" };
let replay = null;
let length = 0;
let shownFrom = 0;
let isPlaying = false;

function say(name, text) {
  state.dataset.state = name;
  state.textContent = text;
}

addEventListener("error", (fault) => say("error", "This replay can't be played: " + fault.message));
addEventListener("unhandledrejection", (fault) => say("error", "This replay can't be played: " + fault.reason));

const clock = (ms) => Math.floor(ms / 60000) + ":" + String(Math.floor(ms / 1000) % 60).padStart(2, "0");

async function unpacked() {
  const packed = Uint8Array.from(atob(document.getElementById("events").textContent), (char) => char.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text()).tabs;
}

// Whatever the page loaded from elsewhere: a replay asks nobody, so it is taken out.
const LOADED = new Set(["src", "srcset", "srcdoc", "rr_src", "poster", "background", "data", "xlink:href", "imagesrcset"]);
const isOwn = (address) => typeof address !== "string" || /^(data:|blob:|#|about:blank$)/.test(address.trim());
const unloaded = (css) => css.replace(/@import[^;]*;/g, "").replace(/url\(\s*(?!["']?data:)[^)]*\)/g, "none").replace(/image-set\([^)]*\)/g, "none");

function offline(value) {
  if (Array.isArray(value)) value.forEach(offline);
  if (!value || typeof value !== "object" || Array.isArray(value)) return;
  // A link alone may open a connection (preconnect), whatever the page's policy says.
  const tag = typeof value.tagName === "string" ? value.tagName.toLowerCase() : "";
  // Of a changed attribute it isn't told whose it is.
  const mayLoad = ["link", "base"].includes(tag) || (!tag && value.attributes && value.attributes.href && !isOwn(value.attributes.href));
  if (mayLoad && value.attributes) delete value.attributes.href;
  if (tag === "meta" && value.attributes) delete value.attributes["http-equiv"];
  if ((tag === "video" || tag === "audio") && value.attributes) {
    for (const name of Object.keys(value.attributes)) if (/^rr_media|^autoplay$|^loop$/.test(name)) delete value.attributes[name];
  }
  const drawn = ["image", "use", "feimage"].includes(tag);
  if (drawn && value.attributes && value.attributes.href && !isOwn(value.attributes.href)) delete value.attributes.href;
  for (const [name, inner] of Object.entries(value)) {
    if (typeof inner !== "string") offline(inner);
    else if (LOADED.has(name) && !isOwn(inner)) delete value[name];
    else if (inner.includes("url(") || inner.includes("@import") || inner.includes("image-set(")) value[name] = unloaded(inner);
  }
}

// What a person would call each element: its own name, else the one around it. Elements are numbered anew with each page that is loaded,
// so the names are those of the moment.
function nameAll(names, node, around) {
  const told = node.attributes || {};
  const own = ["aria-label", "title", "alt", "name", "id"].map((name) => told[name]).find((text) => typeof text === "string" && text.trim());
  const said = (each) => (each.type === 3 ? each.textContent || "" : "") + (each.childNodes || []).map(said).join(" ");
  const words = ["a", "button", "summary", "label"].includes(node.tagName) ? said(node).trim() : "";
  const styled = typeof told.class === "string" && told.class.trim() ? node.tagName + "." + told.class.trim().split(/\s+/)[0] : "";
  // Masked text is asterisks.
  const label = own || (/[^*\s]/.test(words) ? words.slice(0, 40) : "") || styled || around;
  names.set(node.id, label || node.tagName || "");
  for (const child of node.childNodes || []) nameAll(names, child, label);
}

// Pages and clicks are told by the recording itself.
function ownMoments(events, begin) {
  const found = [], names = new Map();
  for (const event of events) {
    const at = event.timestamp - begin;
    if (event.type === 2) { names.clear(); nameAll(names, event.data.node, ""); }
    if (event.type === 3 && event.data.source === 0) for (const { parentId, node } of event.data.adds || []) nameAll(names, node, names.get(parentId) || "");
    if (event.type === 4) found.push({ at, kind: "page", text: event.data.href });
    if (event.type === 3 && event.data.source === 2 && event.data.type === 2) found.push({ at, kind: "click", text: names.get(event.data.id) || "" });
  }
  return found;
}

function jump(at, play) {
  const player = replay.getReplayer();
  // While it skips idle time a jump would keep the speed of skipping.
  player.backToNormal();
  // Of an instant the player applies what lies before it; before the first snapshot there is nothing to show.
  const to = Math.min(Math.max(shownFrom, at) + 1, length);
  if (play) player.play(to);
  else player.pause(to);
  isPlaying = play;
  document.getElementById("play").textContent = play ? "Pause" : "Play";
  say(play ? "playing" : "paused", (play ? "Playing from " : "At ") + clock(at));
  state.dataset.at = String(Math.round(at));
}

function asked() {
  const found = /t=([0-9.]+)/.exec(location.hash);
  return found ? 1000 * Number(found[1]) : null;
}

const inside = (at) => Math.min(Math.max(0, at), length);
const named = (moment) => clock(inside(moment.at)) + " " + moment.kind.replaceAll("_", " ") + (moment.text ? ": " + moment.text : "");
const rank = (moment) => ["click", "page"].indexOf(moment.kind) + (["click", "page"].includes(moment.kind) ? 0 : 3);

function mark(moment) {
  const at = inside(moment.at);
  const button = document.createElement("button");
  const label = named(moment);
  button.type = "button";
  button.style.left = (length ? (100 * at) / length : 0) + "%";
  button.style.background = COLOURS[moment.kind] || "#d9730d";
  button.className = moment.kind;
  button.title = label;
  button.setAttribute("aria-label", label);
  button.tabIndex = -1;
  button.addEventListener("click", () => jump(at - LEAD_MS, true));
  document.getElementById("timeline").append(button);
}

function list(moment) {
  const at = inside(moment.at);
  const item = document.createElement("li");
  const link = document.createElement("a");
  link.href = "#t=" + (at / 1000).toFixed(3);
  link.textContent = named(moment);
  link.dataset.at = String(Math.round(at));
  link.dataset.kind = moment.kind;
  item.append(link);
  document.getElementById("moments").append(item);
}

function show(tab) {
  document.getElementById("player").replaceChildren();
  const hand = document.createElement("span");
  hand.id = "hand";
  document.getElementById("timeline").replaceChildren(hand);
  document.getElementById("moments").replaceChildren();
  const events = tab.events;
  const width = Math.min(document.getElementById("player").clientWidth || 800, 1024);
  replay = new rrwebPlayer.Player({
    target: document.getElementById("player"),
    props: { events, width, height: Math.round(width * 0.6), autoPlay: false, showController: false, skipInactive: true, mouseTail: false, showWarning: false },
  });
  const about = replay.getMetaData();
  length = about.totalTime;
  const begin = about.startTime;
  shownFrom = events.find((event) => event.type === 2).timestamp - begin;
  replay.getReplayer().iframe.title = "What the visitor saw";
  replay.addEventListener("finish", () => { isPlaying = false; document.getElementById("play").textContent = "Play again"; say("finished", "At its end, " + clock(length)); });
  const moments = [...told.moments.map((each) => ({ ...each, at: each.at - (begin - told.begin) })), ...ownMoments(events, begin)];
  moments.sort((a, b) => a.at - b.at);
  // What is worth a look lies over pages and clicks.
  for (const moment of moments) list(moment);
  for (const moment of moments.sort((a, b) => rank(a) - rank(b))) mark(moment);
  const at = asked();
  jump(at === null ? 0 : at - (begin - told.begin) - OPENS_MS, !matchMedia("(prefers-reduced-motion: reduce)").matches);
}

document.getElementById("play").addEventListener("click", () => {
  if (state.dataset.state === "finished") jump(0, true);
  else jump(replay.getReplayer().getCurrentTime(), !isPlaying);
});
// To the moment before or after, of those that are more than pages and clicks where there are any.
function step(forward) {
  const now = replay.getReplayer().getCurrentTime();
  const all = [...document.querySelectorAll("#moments a")];
  const worth = all.filter((each) => !["page", "click"].includes(each.dataset.kind));
  const places = (worth.length ? worth : all).map((each) => Number(each.dataset.at) - LEAD_MS);
  const next = forward ? places.find((at) => at > now + 250) : places.findLast((at) => at < now - 1000);
  if (next !== undefined) jump(next, true);
}
document.getElementById("before").addEventListener("click", () => step(false));
document.getElementById("after").addEventListener("click", () => step(true));
document.getElementById("full").addEventListener("click", () => document.querySelector(".watch").requestFullscreen?.());
document.getElementById("idle").addEventListener("click", (event) => {
  const skips = event.target.getAttribute("aria-pressed") !== "true";
  replay.getReplayer().setConfig({ skipInactive: skips });
  event.target.setAttribute("aria-pressed", String(skips));
});
document.getElementById("speed").addEventListener("click", (event) => {
  const next = SPEEDS[(SPEEDS.indexOf(parseInt(event.target.textContent, 10)) + 1) % SPEEDS.length];
  replay.getReplayer().setConfig({ speed: next });
  event.target.textContent = next + "x";
});
setInterval(() => {
  if (!replay) return;
  const now = Math.min(replay.getReplayer().getCurrentTime(), length);
  document.getElementById("clock").textContent = clock(now) + " of " + clock(length);
  document.getElementById("hand").style.left = (length ? (100 * now) / length : 0) + "%";
}, 100);
addEventListener("hashchange", () => { const at = asked(); if (at !== null) jump(at, true); });

unpacked().then((tabs) => {
  offline(tabs);
  // What isn't loaded can't be played either.
  for (const tab of tabs) tab.events = tab.events.filter((event) => !(event.type === 3 && event.data.source === 7));
  const shown = tabs.filter((tab) => tab.events.length > 1 && tab.events.some((event) => event.type === 2));
  if (!shown.length) return say("empty", "This recording holds no snapshot of a page, so nothing can be shown.");
  if (shown.length > 1) {
    const label = document.createElement("label");
    const select = document.createElement("select");
    label.append("Window ", select);
    shown.forEach((tab, i) => select.add(new Option(String(i + 1), String(i))));
    select.addEventListener("change", () => show(shown[Number(select.value)]));
    document.getElementById("pickers").append(label);
  }
  show(shown[0]);
});
