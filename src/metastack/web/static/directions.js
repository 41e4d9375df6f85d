// The directions page: sources over the hemisphere, and what is read of them, frame after frame.

import { address, remember } from "./address.js";
import { $, $$, api, ask, el, Refusal } from "./ask.js";
import { clearRefusals, hasOption, lost, refuse } from "./forms.js";
import { shortName } from "./job_list.js";
import { bytes, colour, colourBar, shaded, sharp, viridis } from "./plot.js";

const form = $("#form");
const view = $("#view");
const sky = $("#sky");
const REACH = 1.08;
const MOST_SOURCES = 3;
const STEP = 0.01;
const FIRST = [[0.4, 0.25, 0]];
let sources = FIRST.map((each) => [...each]);
let frame = null;
let asking = false;
let asked = false;
let times = [];
let missing = new Map();

// ---- Between direction cosines and the screen.

const side = () => sky.clientWidth;
const toScreen = (u, v) => [((u / REACH + 1) / 2) * side(), ((1 - v / REACH) / 2) * side()];
const toCosines = (x, y) => [((2 * x) / side() - 1) * REACH, (1 - (2 * y) / side()) * REACH];

function inside(u, v) {
  const length = Math.hypot(u, v);
  return length > 0.999 ? [(0.999 * u) / length, (0.999 * v) / length] : [u, v];
}

const theta = (u, v) => (180 / Math.PI) * Math.asin(Math.min(1, Math.hypot(u, v)));
const phi = (u, v) => (180 / Math.PI) * Math.atan2(v, u);

function fromAngles(thetaDeg, phiDeg) {
  const [t, p] = [thetaDeg, phiDeg].map((each) => (each * Math.PI) / 180);
  return inside(Math.sin(t) * Math.cos(p), Math.sin(t) * Math.sin(p));
}

// ---- Frames: one is asked for at a time, and always the newest state.

function given() {
  for (const [name, file] of missing) throw new Refusal(lost(file), name);
  if (!/^\d+$/.test(form.seed.value)) throw new Refusal(`\`seed\` must be a whole number from 0, but is ${form.seed.value || "empty"}.`, "seed");
  const isAfter = form.then.value && form.when.value === "after";
  return {
    design: isAfter ? form.then.value : form.design.value,
    through: form.through.value,
    sources,
    snr_db: Number(form.snr.value),
    snapshots: Number(form.snapshots.value),
    seed: Number(form.seed.value),
    previous: frame?.estimates.length === sources.length ? frame.estimates.map(({ u, v }) => turned(u, v, frame.rotation_rad)) : null,
  };
}

// The first picture of its kind comes without estimates, which are compiled first.
const known = new Set();

async function askFrame() {
  const now = given();
  const kind = [now.design, now.through, now.snapshots, now.sources.length].join();
  if (!known.has(kind)) {
    frame = await ask("frame", { ...now, only_picture: true });
    draw();
    $("#speed").textContent = "Getting ready: estimators of a new kind are compiled, which takes some seconds.";
  }
  const began = performance.now();
  frame = await ask("frame", now);
  draw();
  if (!known.has(kind)) times = [];
  else measure(performance.now() - began);
  known.add(kind);
  view.dataset.frames = Number(view.dataset.frames || 0) + 1;
  said();
}

async function next() {
  asked = true;
  if (asking) return;
  asking = true;
  while (asked) {
    asked = false;
    try {
      await askFrame();
      clearRefusals(form);
    } catch (error) {
      refuse(form, error);
    }
  }
  asking = false;
  if (frame) numbers();
}

function measure(milliseconds) {
  times = [...times.slice(-39), milliseconds];
  view.dataset.medianMs = [...times].sort((a, b) => a - b)[Math.floor(times.length / 2)].toFixed(1);
}

function said() {
  const pace = times.length ? `; ${Math.round(view.dataset.medianMs)} ms a frame (median)` : "";
  $("#speed").textContent = `${frame.snapshots} snapshots of ${frame.probes} detectors${pace}.`;
}

// ---- The picture.

const WHAT = { spectrum: "Spectrum, of its largest", match: "Match with one source, of the best" };
const EDGE = [["#000", 5]];

const turned = (u, v, angle) => [Math.cos(angle) * u - Math.sin(angle) * v, Math.sin(angle) * u + Math.cos(angle) * v];

function draw() {
  const { context, width } = sharp(view);
  context.fillStyle = colour("--sky");
  context.fillRect(0, 0, width, width);
  context.save();
  context.translate(width / 2, width / 2);
  context.scale(width / 2 / REACH, -width / 2 / REACH);
  if (frame) drawFrame(context, width);
  context.restore();
  drawSky(context);
  handles();
}

function drawScale({ what, floor_db: floor }) {
  const place = $("#scale");
  if (place.dataset.what === what) return;
  place.dataset.what = what;
  colourBar(place, viridis, `${WHAT[what]}: ${floor} dB`, "0 dB");
}

function drawFrame(context, width) {
  drawScale(frame);
  const pixel = (2 * REACH) / width;
  context.save();
  context.rotate(frame.rotation_rad);
  const { columns, rows, left, bottom } = frame;
  const picture = shaded(bytes(frame.picture), columns, rows, viridis);
  context.imageSmoothingEnabled = columns >= 32;
  context.drawImage(picture, left, bottom, frame.width, frame.height);
  if (frame.peak) {
    for (const [style, thick] of [...EDGE, [colour("--paper-mark"), 2.5]]) {
      context.strokeStyle = style;
      context.lineWidth = thick * pixel;
      context.strokeRect(frame.peak.u - 9 * pixel, frame.peak.v - 9 * pixel, 18 * pixel, 18 * pixel);
    }
  }
  for (const { u, v, ellipse } of frame.estimates) {
    for (const [style, thick] of [...EDGE, [colour("--ours-mark"), 2.5]]) {
      context.strokeStyle = style;
      context.lineWidth = thick * pixel;
      context.beginPath();
      ellipse.forEach(([x, y], at) => (at ? context.lineTo(x, y) : context.moveTo(x, y)));
      context.closePath();
      for (const [dx, dy] of [[1, 0], [0, 1]]) {
        context.moveTo(u - 11 * dx * pixel, v - 11 * dy * pixel);
        context.lineTo(u + 11 * dx * pixel, v + 11 * dy * pixel);
      }
      context.stroke();
    }
  }
  context.restore();
}

function drawSky(context) {
  const [cx, cy] = toScreen(0, 0);
  context.font = "13px system-ui, sans-serif";
  for (const ring of [30, 60, 90]) {
    context.lineWidth = 1;
    const radius = toScreen(Math.sin((ring * Math.PI) / 180), 0)[0] - cx;
    context.strokeStyle = ring === 90 ? "#fff" : "rgb(255 255 255 / .45)";
    context.beginPath();
    context.arc(cx, cy, radius, 0, 7);
    context.stroke();
    if (ring < 90) tag(context, `θ ${ring}°`, cx + radius * 0.71 + 3, cy + radius * 0.71 + 3);
  }
  tag(context, "φ 0°", side() - 34, cy - 8);
  tag(context, "φ 90°", cx - 18, 16);
}

function tag(context, text, x, y) {
  context.strokeStyle = "rgb(0 0 0 / .7)";
  context.lineWidth = 3;
  context.strokeText(text, x, y);
  context.fillStyle = "#fff";
  context.fillText(text, x, y);
}

// ---- Sources: buttons on the picture.

function handles() {
  const buttons = $$(".source", sky);
  buttons.slice(sources.length).forEach((each) => each.remove());
  sources.forEach(([u, v], index) => {
    const button = buttons[index] || sky.appendChild(handle(index));
    const [x, y] = toScreen(u, v);
    button.style.left = `${x}px`;
    button.style.top = `${y}px`;
    button.setAttribute("aria-label", `Source ${index + 1} at θ ${theta(u, v).toFixed(1)}°, φ ${phi(u, v).toFixed(1)}°; arrow keys move it`);
  });
}

function handle(index) {
  const button = el("button", { type: "button", class: "source" }, String(index + 1));
  button.addEventListener("pointerdown", (event) => {
    button.setPointerCapture(event.pointerId);
    button.focus();
    event.preventDefault();
  });
  button.addEventListener("pointermove", (event) => {
    if (!button.hasPointerCapture(event.pointerId)) return;
    const box = sky.getBoundingClientRect();
    move(index, toCosines(event.clientX - box.left, event.clientY - box.top));
  });
  button.addEventListener("pointerup", keep);
  button.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, STEP], ArrowDown: [0, -STEP] }[event.key];
    if (!by) return;
    event.preventDefault();
    const far = event.shiftKey ? 5 : 1;
    move(index, [sources[index][0] + far * by[0], sources[index][1] + far * by[1]]);
    keep();
  });
  return button;
}

function move(index, [u, v]) {
  sources[index].splice(0, 2, ...inside(u, v).map((each) => Number(each.toFixed(4))));
  handles();
  next();
}

// ---- Numbers.

const COLUMNS = ["Source", "θ (°)", "φ (°)", "Power (dB)", "Maximum likelihood", "Off by", "Paper's estimator", "Off by"];

function numbers() {
  const table = $("#numbers");
  if (table.contains(document.activeElement) && document.activeElement.tagName === "INPUT" && table.dataset.sources === String(sources.length)) return fill(table);
  table.dataset.sources = sources.length;
  table.replaceChildren(
    el("thead", {}, el("tr", {}, ...COLUMNS.map((name) => el("th", { scope: "col" }, name)))),
    el("tbody", {}, ...sources.map((_, index) => el("tr", {}, el("th", { scope: "row" }, String(index + 1)), ...["theta", "phi", "db"].map((what) => el("td", {}, entry(index, what))), ...Array.from({ length: 4 }, () => el("td"))))),
  );
  fill(table);
}

function entry(index, what) {
  const names = { theta: "θ in degrees", phi: "φ in degrees", db: "power in dB" };
  return el("input", { "data-what": what, size: 6, inputmode: "decimal", "aria-label": `Source ${index + 1}: ${names[what]}`, autocomplete: "off", onchange: (event) => typed(index, what, event.target) });
}

function typed(index, what, input) {
  const number = Number(input.value);
  const [u, v, db] = sources[index];
  if (!Number.isFinite(number) || input.value.trim() === "") return fill($("#numbers"));
  if (what === "db") sources[index][2] = number;
  else sources[index] = [...fromAngles(what === "theta" ? Math.min(89.9, Math.max(0, number)) : theta(u, v), what === "phi" ? number : phi(u, v)), db];
  keep();
  draw();
  next();
}

function fill(table) {
  const found = matched();
  $$("tbody tr", table).forEach((row, index) => {
    const [u, v, db] = sources[index];
    const values = { theta: theta(u, v).toFixed(2), phi: phi(u, v).toFixed(2), db: String(db) };
    for (const input of $$("input", row)) if (input !== document.activeElement) input.value = values[input.dataset.what];
    const cells = $$("td", row).slice(3);
    const estimate = found[index];
    cells[0].textContent = estimate ? inWords(estimate) : "none";
    cells[1].textContent = estimate ? off(estimate, u, v) : "";
    const peak = index === 0 ? frame.peak : null;
    cells[2].textContent = peak ? inWords(peak) : index === 0 ? "needs a DFT" : "reads one source";
    cells[3].textContent = peak ? off(peak, u, v) : "";
  });
}

// Every source with the estimate that is nearest to it and not another's.
function matched() {
  const left = frame.estimates.map((each) => ({ ...each, at: turned(each.u, each.v, frame.rotation_rad) }));
  return sources.map(([u, v]) => {
    if (!left.length) return null;
    const distance = ({ at }) => Math.hypot(at[0] - u, at[1] - v);
    const best = left.reduce((a, b) => (distance(b) < distance(a) ? b : a));
    left.splice(left.indexOf(best), 1);
    return best;
  });
}

function inWords({ theta_deg: t, phi_deg: p, theta_deviation_deg: dt, phi_deviation_deg: dp }) {
  if (t == null) return "no direction in space";
  const bar = (deviation) => (deviation == null ? "" : ` ± ${Number(deviation.toPrecision(2))}`);
  return `θ ${t.toFixed(2)}${bar(dt)}°, φ ${p.toFixed(2)}${bar(dp)}°`;
}

function off({ u, v }, trueU, trueV) {
  const [x, y] = turned(u, v, frame.rotation_rad);
  const space = (a, b) => [a, b, Math.sqrt(Math.max(0, 1 - a * a - b * b))];
  const [one, other] = [space(x, y), space(trueU, trueV)];
  const apart = 2 * Math.asin(Math.min(1, Math.hypot(...one.map((each, k) => each - other[k])) / 2));
  return `${((180 / Math.PI) * apart).toPrecision(2)}°`;
}

// ---- The page.

function keep() {
  const text = sources.map((each) => each.map((number) => Number(number.toFixed(4))).join(",")).join(";");
  const first = FIRST.map((each) => each.join(",")).join(";");
  remember({ s: text === first ? null : text });
}

function restoreSources() {
  const read = (address().get("s") || "").split(";").map((each) => each.split(",").map(Number));
  const good = read.filter((each) => each.length >= 2 && each.every(Number.isFinite));
  if (good.length) sources = good.slice(0, MOST_SOURCES).map(([u, v, db = 0]) => [...inside(u, v), db]);
}

async function fillSelects() {
  const designs = await ask("designs", {});
  const stacks = await api("GET", "/api/files?suffixes=.toml");
  const options = (names) => names.map(({ name, label }) => el("option", { value: name }, label));
  form.design.replaceChildren(...options(designs));
  form.through.replaceChildren(el("option", { value: "" }, "as designed"), ...options(stacks.filter(({ name }) => !name.startsWith("example/"))));
  form.then.replaceChildren(el("option", { value: "" }, "none"), ...options(designs));
  const from = address();
  form.design.value = from.get("design") || "example/stack_4x4.nc";
  for (const name of ["through", "then"]) form[name].value = from.get(name) || "";
  missing = new Map(["design", "through", "then"].map((name) => [name, from.get(name)]).filter(([name, file]) => file && !hasOption(form[name], file)));
  for (const [name] of missing) form[name].value = "";
}

function restore() {
  const from = address();
  for (const name of ["snr", "seed"]) if (from.has(name)) form[name].value = from.get(name);
  if (hasOption(form.snapshots, from.get("snapshots"))) form.snapshots.value = from.get("snapshots");
  if (from.has("when")) form.when.value = from.get("when");
  restoreSources();
}

function told() {
  $("#snr-now").textContent = `${form.snr.value} dB`;
  $("#when").hidden = !form.then.value;
  $("#what").textContent = form.through.value
    ? `Waves pass through ${shortName(form.through.value)}; estimates believe the design.`
    : "The device is what its design says.";
}

function changed(event) {
  missing.delete(event?.target.name);
  const defaults = { design: "example/stack_4x4.nc", through: "", then: "", snr: "40", snapshots: "8", seed: "0", when: "before" };
  const kept = Object.entries(defaults).filter(([name]) => !missing.has(name));
  remember(Object.fromEntries(kept.map(([name, usual]) => [name, form[name].value === usual ? null : form[name].value])));
  told();
  next();
}

async function start() {
  restore();
  draw();
  await fillSelects();
  told();
  form.addEventListener("input", changed);
  form.addEventListener("submit", (event) => event.preventDefault());
  $("#noise").addEventListener("click", () => { form.seed.value = (Number(form.seed.value) || 0) + 1; changed(); });
  $("#add").addEventListener("click", () => setSources([...sources, [-0.3 + 0.25 * sources.length, -0.45, 0]]));
  $("#remove").addEventListener("click", () => setSources(sources.slice(0, -1)));
  addEventListener("resize", draw);
  setSources(sources);
}

function setSources(now) {
  sources = now;
  $("#add").disabled = sources.length >= MOST_SOURCES;
  $("#remove").disabled = sources.length <= 1;
  keep();
  draw();
  next();
}

start();
