// The design page: a stack in 3D, a design under way, designs compared.

import { $, $$, address, api, ask, begin, clearRefusals, el, facts, fileLinks, fillFiles, follow, isOver, keepInAddress, listJobs, onSubmit, refuse, remember, uploads } from "./common.js";
import { bytes, colour, figure, lines, shaded, turn } from "./plot.js";

const form = $("#form");
const PLOTLY = "/plotly.js?v=" + encodeURIComponent($("footer").textContent);
const OWN = "stack.";
let planes = [];
let phases = null;
let points = new Map();
let watched = null;

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
  remember({ [OWN + key]: event.target.value === before ? "" : event.target.value });
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
  const scene = { xaxis: axis("z (λ)"), yaxis: axis("x (λ)"), zaxis: axis("y (λ)"), aspectmode: "data", camera: { eye: { x: 1.1, y: -1.7, z: 0.8 } } };
  const layout = { scene, showlegend: false, margin: { l: 0, r: 0, t: 0, b: 0 }, paper_bgcolor: "rgba(0,0,0,0)", font: { color: ink } };
  await Plotly.react(place, traces, layout, { responsive: true, displaylogo: false, displayModeBar: false });
  place.dataset.drawn = planes.length;
}

// ---- Designs: one under way, others beside it.

function pointsOf(job) {
  if (!points.has(job)) points.set(job, { name: job, of: new Map() });
  return points.get(job);
}

function take(job, told) {
  for (const { what, done: start, iteration, error_db: error, insertion_loss_db: loss } of told) {
    if (what !== "design") continue;
    const of = pointsOf(job).of;
    if (!of.has(start)) of.set(start, { error: { x: [], y: [] }, loss: { x: [], y: [] } });
    append(of.get(start).error, iteration, error);
    if (loss !== undefined) append(of.get(start).loss, iteration, loss);
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
  drawChart("#errors", seriesOf("error"), "Error of the fit, NMSE at the scale that is sought (dB)");
  drawChart("#losses", seriesOf("loss"), "Insertion loss of the best phases so far (dB)");
}

function drawChart(place, series, yLabel) {
  lines($(place), series, { xLabel: "iteration", yLabel });
  const now = series[0]?.y.at(-1);
  if (now === undefined) return;
  $(place).setAttribute("aria-label", `${yLabel} over iterations, now ${now.toFixed(2)}`);
  $(`${place}-now`).textContent = `Now ${now.toFixed(2)} dB.`;
}

function watch(job) {
  watched = job;
  points = new Map();
  phases = null;
  remember({ job });
  $("#watched").hidden = false;
  $("#result").hidden = true;
  pointsOf(job).name = "this design";
  for (const other of also()) addOther(other);
  let before = null;
  follow(job, $("#job"), {
    onProgress: (told) => take(job, told),
    onJob: (told) => {
      if (told.state !== before) listed();
      before = told.state;
      if (!isOver(told)) return;
      if (["refused", "failed"].includes(told.state)) return refuse(form, Object.assign(new Error(told.sentence), { field: told.field }));
      if (told.outputs.some(({ name }) => name === "design.nc")) showDesign(told);
    },
  });
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
  drawWheel();
  drawSpace();
  $("#to-directions").href = `/directions?design=${encodeURIComponent(name)}`;
  $("#to-calibrate").href = `/calibrate?mode=pull&stack=${encodeURIComponent(job.fields.stack)}&design=${encodeURIComponent(name)}`;
}

function drawWheel() {
  const wheel = $("#wheel");
  const shades = Uint8Array.from({ length: 256 }, (_, k) => k);
  wheel.getContext("2d").drawImage(shaded(shades, 256, 1, turn), 0, 0, wheel.width, wheel.height);
}

const also = () => (address().get("with") || "").split(",").filter(Boolean);

function addOther(job) {
  pointsOf(job).name = job.slice(9, 15);
  const source = new EventSource(`/api/jobs/${job}/events`);
  source.addEventListener("progress", (event) => take(job, JSON.parse(event.data)));
  for (const end of ["end", "error"]) source.addEventListener(end, () => source.close());
}

function ticked() {
  const chosen = $$("#jobs input:checked").map((each) => each.value).filter((each) => each !== watched);
  remember({ with: chosen.join(",") });
  for (const job of points.keys()) if (job !== watched && !chosen.includes(job)) points.delete(job);
  $("#watched").hidden = !watched && !chosen.length;
  chosen.filter((each) => !points.has(each)).forEach(addOther);
  drawCharts();
}

const listed = () => listJobs($("#jobs"), ["design"], { chosen: watched, onTick: ticked, ticked: [watched, ...also()] });

// ---- The page.

async function restoreJob(job) {
  const told = await api("GET", `/api/jobs/${job}`).catch(() => null);
  if (!told || told.recipe !== "design") return;
  const from = address();
  for (const [name, value] of Object.entries(told.fields)) {
    if (typeof value === "string" && !from.has(name) && form[name]?.dataset?.default !== value) from.set(name, value);
  }
  for (const [key, value] of Object.entries(told.fields.changes || {})) if (!from.has(OWN + key)) from.set(OWN + key, value);
  history.replaceState(null, "", `?${from}`);
}

async function start() {
  const job = address().get("job");
  if (job) await restoreJob(job);
  await fillFiles(form);
  keepInAddress(form);
  form.stack.addEventListener("change", () => {
    for (const key of [...address().keys()]) if (key.startsWith(OWN)) remember({ [key]: "" });
    phases = null;
    openStack();
  });
  uploads($("#upload"), form);
  onSubmit(form, async (fields) => {
    const { id } = await begin("design", fields, { changes: changes() });
    watch(id);
    $("#watched").scrollIntoView({ behavior: "smooth", block: "nearest" });
  });
  onSubmit($("#table"), async (fields) => {
    const { id } = await begin("table", { ...fields, design: `job/${watched}/design.nc` });
    const place = $("#table-job");
    follow(id, el("div"), {
      onJob: (told) => {
        if (told.state === "refused") return refuse($("#table"), Object.assign(new Error(told.sentence), { field: told.field }));
        const links = told.outputs.filter(({ name }) => name.startsWith("codes")).map(({ name }) => el("li", {}, ...fileLinks(id, name)));
        place.replaceChildren(isOver(told) ? el("ul", {}, ...links) : el("p", { class: "hint" }, "Making the table…"));
      },
    }, false);
  });
  addEventListener("themechange", () => { drawCharts(); drawSpace(); });
  addEventListener("resize", drawCharts);
  listed();
  if (job) watch(job);
  else if (also().length) { $("#watched").hidden = false; also().forEach(addOther); }
  await openStack();
}

start();
