// The design page: a stack in 3D, a design under way, designs compared.

import { address, remember, rememberMissing } from "./address.js";
import { $, $$, ask, el } from "./ask.js";
import { follow, listen, unfollow } from "./follow.js";
import { begin, clearRefusals, fillFiles, keepInAddress, onSubmit, refuse, restoreJob, uploads } from "./forms.js";
import { listJobs } from "./job_list.js";
import { fileLinks, isOver, isWrong, refusalOf } from "./job_view.js";
import { facts } from "./numbers.js";
import { bytes, colour, colourBar, extent, figure, lines, shaded, turn } from "./plot.js";

const form = $("#form");
const PLOTLY = "/plotly.js?v=" + encodeURIComponent($("footer").textContent);
const OWN = "stack.";
let planes = [];
let phases = null;
let points = new Map();
let watched = null;
const others = new Map();

// ---- The stack: its numbers, its elements in space.

function changes() {
  return Object.fromEntries(
    $$("#stack-fields input").filter((each) => each.value !== each.dataset.default).map((each) => [each.dataset.key, each.value]),
  );
}

async function describe() {
  clearRefusals($("#numbers"));
  let told;
  try {
    told = await ask("stack", { stack: form.stack.value, changes: changes() });
  } catch (error) {
    return refuse(form, Object.assign(error, { field: "stack" }));
  }
  if (told.refused) {
    $("#numbers").open = true;
    const inputs = $(`[data-field="${CSS.escape(OWN + told.field)}"]`, form);
    return refuse(form, Object.assign(new Error(told.refused), { field: inputs ? OWN + told.field : "stack" }));
  }
  facts($("#stack-facts"), told.facts);
  planes = told.planes;
  drawSpace();
}

async function openStack() {
  if (!form.stack.value) return;
  const told = await ask("stack", { stack: form.stack.value }).catch((error) => ({ form: [], refused: error.message }));
  const from = address();
  $("#stack-fields").replaceChildren(...told.form.map(({ name, value }) => stackField(name, value, from.get(OWN + name))));
  await describe();
}

function stackField(name, value, wanted) {
  const id = `stack-${name}`;
  return el(
    "div",
    { class: "field", "data-field": OWN + name },
    el("label", { for: id }, name),
    el("input", { id, "data-key": name, "data-default": value, value: wanted ?? value, autocomplete: "off", spellcheck: "false", "aria-describedby": `${id}-refusal`, onchange: changed }),
    el("p", { class: "refusal", id: `${id}-refusal`, hidden: true }),
  );
}

function changed(event) {
  const { key, default: before } = event.target.dataset;
  remember({ [OWN + key]: event.target.value === before && !address().has("job") ? null : event.target.value });
  describe();
}

let plotly = null;

function loadPlotly() {
  plotly ??= new Promise((resolve, reject) => {
    const script = el("script", { src: PLOTLY, onload: () => resolve(window.Plotly), onerror: reject });
    document.head.append(script);
  });
  return plotly;
}

const MARGIN = 0.04;

// The whole stack in the frame, however long or short it is: its box is scaled to one diagonal, and
// seen from further off where the frame is narrow.
function sceneOf(axis, { clientWidth: width, clientHeight: height }) {
  const ranges = ["z", "x", "y"].map((name) => extent(planes.flatMap((plane) => plane[name])));
  const sides = ranges.map(([low, high]) => high - low);
  const diagonal = Math.hypot(...sides) || 1;
  const isLong = Math.max(...sides) > 0.85 * diagonal;
  const size = isLong ? (width > 1.5 * height ? 2 : 1.4) : 1.6;
  const [xRange, yRange, zRange] = ranges.map(([low, high]) => [low - MARGIN * diagonal, high + MARGIN * diagonal]);
  const [x, y, z] = [xRange, yRange, zRange].map(([low, high]) => (size * (high - low)) / diagonal);
  const far = Math.max(1, (1.4 * height) / width);
  const camera = { eye: { x: 1.1 * far, y: -1.7 * far, z: 0.8 * far }, center: { x: 0, y: 0, z: -0.1 } };
  return {
    xaxis: { ...axis("z (λ)"), range: xRange }, yaxis: { ...axis("x (λ)"), range: yRange }, zaxis: { ...axis("y (λ)"), range: zRange },
    aspectmode: "manual", aspectratio: { x, y, z }, camera,
  };
}

async function drawSpace() {
  const place = $("#space");
  const Plotly = await loadPlotly().catch(() => null);
  if (!Plotly) return place.replaceChildren(el("p", {}, "The 3D view did not load."));
  const ink = colour("--ink"), line = colour("--line");
  const axis = (text) => ({ title: { text }, color: ink, gridcolor: line, showbackground: false, zeroline: false });
  const last = planes.length - 1;
  const traces = planes.map(({ plane, x, y, z }) => {
    const layer = plane > 0 && plane < last ? phases?.[plane - 1] : null;
    const fits = layer && layer.length === x.length;
    const marker = fits
      ? { size: 2.6, color: [...layer], colorscale: turn.filter((_, k) => k % 15 === 0).map((rgb, k, all) => [k / (all.length - 1), `rgb(${rgb.map(Math.round)})`]), cmin: 0, cmax: 255 }
      : { size: plane === 0 || plane === last ? 4.5 : 2, color: colour(plane === 0 ? "--c1" : plane === last ? "--c2" : "--c0") };
    const name = plane === 0 ? "input" : plane === last ? "receivers" : `layer ${plane}`;
    return { type: "scatter3d", mode: "markers", name, x: z, y: x, z: y, marker, hoverinfo: "name" };
  });
  const layout = { scene: sceneOf(axis, place), uirevision: form.stack.value, showlegend: false, margin: { l: 0, r: 0, t: 0, b: 0 }, paper_bgcolor: "rgba(0,0,0,0)", font: { color: ink } };
  await Plotly.react(place, traces, layout, { responsive: true, displaylogo: false, displayModeBar: false });
  place.dataset.drawn = planes.length;
}

// ---- Designs: one under way, others beside it.

function pointsOf(job) {
  if (!points.has(job)) points.set(job, { name: job, of: new Map(), last: {} });
  return points.get(job);
}

function take(job, told) {
  for (const { what, done: start, iteration, error_db: error, insertion_loss_db: loss } of told) {
    if (what !== "design") continue;
    const { of, last } = pointsOf(job);
    if (!of.has(start)) of.set(start, { error: { x: [], y: [] }, loss: { x: [], y: [] } });
    append(of.get(start).error, iteration, error);
    last.error = { start, value: error };
    if (loss === undefined) continue;
    append(of.get(start).loss, iteration, loss);
    last.loss = { start, value: loss };
  }
  drawCharts();
}

function append({ x, y }, iteration, value) {
  x.push(iteration);
  y.push(value);
}

function seriesOf(what) {
  const series = [];
  for (const [, { name, of }] of points) {
    for (const [start, told] of of) series.push({ name: of.size > 1 ? `${name}, start ${start + 1}` : name, ...told[what] });
  }
  return series;
}

function drawCharts() {
  drawChart("#errors", "error", "Error of the fit, NMSE at the scale that is sought (dB)");
  drawChart("#losses", "loss", "Insertion loss of the best phases so far (dB)");
}

function drawChart(place, what, yLabel) {
  lines($(place), seriesOf(what), { xLabel: "iteration", yLabel });
  const first = [...points.values()][0];
  const now = first?.last[what];
  $(`${place}-now`).textContent = now ? `Now ${now.value.toFixed(2)} dB${first.of.size > 1 ? ` in start ${now.start + 1}` : ""}.` : "";
  $(place).setAttribute("aria-label", `${yLabel} over iterations${now ? `, now ${now.value.toFixed(2)}` : ""}`);
}

function watch(job) {
  watched = job;
  forgetOthers();
  points = new Map();
  phases = null;
  remember({ job });
  $("#watched").hidden = false;
  $("#result").hidden = true;
  pointsOf(job).name = "this design";
  also().forEach(addOther);
  drawCharts();
  let before = null;
  follow(job, $("#job"), {
    onProgress: (told) => take(job, told),
    onJob: (told) => {
      if (told.state !== before) listed();
      before = told.state;
      if (!isOver(told)) return;
      if (isWrong(told)) return refuse(form, refusalOf(told));
      if (told.outputs.some(({ name }) => name === "design.nc")) showDesign(told);
    },
  });
}

function watchTable(job) {
  remember({ table: job });
  $("#table-files").replaceChildren();
  follow(job, $("#table-job"), {
    onJob: (told) => {
      if (isWrong(told)) return refuse($("#table"), refusalOf(told));
      const links = told.outputs.filter(({ name }) => name.startsWith("codes")).map(({ name }) => el("li", {}, ...fileLinks(job, name)));
      if (isOver(told)) $("#table-files").replaceChildren(...links);
    },
  });
}

function forgetTable() {
  remember({ table: null });
  unfollow($("#table-job"));
  $("#table-files").replaceChildren();
}

async function showDesign(job) {
  const name = `job/${job.id}/design.nc`;
  const told = await ask("design", { design: name });
  $("#result").hidden = false;
  facts($("#facts"), told.facts);
  const { columns, rows } = told;
  phases = told.phases.map(bytes);
  $("#maps").replaceChildren(
    ...phases.map((layer, index) => figure(`layer ${index + 1}`, shaded(layer, columns, rows, turn, true), Math.max(88, 8 * Math.ceil(columns / 2)))),
  );
  drawSpace();
  $("#to-directions").href = `/directions?design=${encodeURIComponent(name)}`;
  const stack = Object.keys(job.fields.changes).length ? `job/${job.id}/stack.toml` : job.fields.stack;
  $("#to-calibrate").href = `/calibrate?mode=pull&stack=${encodeURIComponent(stack)}&design=${encodeURIComponent(name)}`;
}

const also = () => (address().get("with") || "").split(",").filter((each) => each && each !== watched);

function addOther(job) {
  pointsOf(job).name = job.slice(9, 15);
  others.set(job, listen(job, { onProgress: (told) => take(job, told) }, { seldom: true }));
}

function forgetOthers(but = []) {
  for (const [job, stream] of others) {
    if (but.includes(job)) continue;
    stream.close();
    others.delete(job);
    points.delete(job);
  }
}

function ticked() {
  const chosen = $$("#jobs input:checked").map((each) => each.value).filter((each) => each !== watched);
  remember({ with: chosen.join(",") || null });
  forgetOthers(chosen);
  $("#watched").hidden = !watched && !chosen.length;
  chosen.filter((each) => !others.has(each)).forEach(addOther);
  drawCharts();
}

const listed = () => listJobs($("#jobs"), ["design"], { chosen: watched, onTick: ticked, ticked: [watched, ...also()] });

// ---- The page.

async function restoreDesign(job) {
  const told = await restoreJob(job, "design", form);
  if (!told || (address().get("stack") ?? form.stack.dataset.default) !== told.fields.stack) return;
  rememberMissing(Object.fromEntries(Object.entries(told.fields.changes).map(([key, value]) => [OWN + key, value])));
}

async function start() {
  const job = address().get("job");
  if (job) await restoreDesign(job);
  await fillFiles(form);
  keepInAddress(form);
  form.stack.addEventListener("change", () => {
    for (const key of [...address().keys()]) if (key.startsWith(OWN)) remember({ [key]: null });
    phases = null;
    openStack();
  });
  uploads($("#upload"), form);
  onSubmit(form, async (fields) => {
    const { id } = await begin("design", fields, { changes: changes() });
    forgetTable();
    watch(id);
    $("#watched").scrollIntoView({ behavior: "smooth", block: "nearest" });
  });
  onSubmit($("#table"), async (fields) => {
    const { id } = await begin("table", { ...fields, design: `job/${watched}/design.nc` });
    watchTable(id);
  });
  colourBar($("#wheel"), turn, "0", "2π");
  addEventListener("themechange", () => { drawCharts(); drawSpace(); });
  addEventListener("resize", drawCharts);
  listed();
  if (address().has("table")) watchTable(address().get("table"));
  if (job) watch(job);
  else if (also().length) { $("#watched").hidden = false; also().forEach(addOther); }
  await openStack();
}

start();
