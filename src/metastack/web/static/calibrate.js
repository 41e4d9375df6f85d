// The calibrate page: layers pulled out of place or pilots uploaded, and what is found of them.

import { address, remember, rememberMissing } from "./address.js";
import { $, api, ask, el, Refusal } from "./ask.js";
import { follow, unfollow } from "./follow.js";
import { begin, fillFiles, hasOption, keepInAddress, lost, onSubmit, refuse, restoreJob, uploads } from "./forms.js";
import { listJobs } from "./job_list.js";
import { isOver, isWrong, refusalOf } from "./job_view.js";
import { deviationOf, facts, label, rows, shown } from "./numbers.js";
import { bars, colour, colourBar, matrixFigure, sharp, viridis } from "./plot.js";

const MODES = ["pull", "calibrate", "network"];
const FREEDOMS = [
  ["dx_wavelengths", "dx, lateral", "λ", 0.1], ["dy_wavelengths", "dy, vertical", "λ", 0.1], ["dz_wavelengths", "dz, axial", "λ", 0.05],
  ["rx_deg", "rx, tilt", "°", 1], ["ry_deg", "ry, tilt", "°", 1], ["rz_deg", "rz, in plane", "°", 1],
];
const mode = MODES.includes(address().get("mode")) ? address().get("mode") : "pull";
const panel = $(`[data-panel="${mode}"]`);
const form = $("form", panel);
let poses = new Map();
let planes = [];
let watched = null;
let drawBars = [];

// ---- Poses: of the layers; the input layer and the receivers are taken as they were drawn.

const planeNow = () => Number($("#plane").value || 1);
const isOff = (pose) => pose.some((each) => each !== 0);
const isLayer = (plane) => plane > 0 && plane < planes.length - 1;
const poseOf = (plane) => (isLayer(plane) && poses.get(plane)) || [0, 0, 0, 0, 0, 0];

function restorePoses() {
  for (const [name, text] of address()) {
    const plane = /^p(\d+)$/.exec(name);
    const numbers = text.split(",").map(Number);
    if (plane && numbers.length === 6 && numbers.every(Number.isFinite) && isOff(numbers)) poses.set(Number(plane[1]), numbers);
  }
}

function setPose(plane, pose) {
  if (isOff(pose)) poses.set(plane, pose);
  else poses.delete(plane);
  remember({ [`p${plane}`]: isOff(pose) || address().has("job") ? pose.join(",") : null });
}

function posesForFile() {
  return [...poses].filter(([plane]) => isLayer(plane)).sort(([a], [b]) => a - b).map(([plane, pose]) => ({
    plane,
    ...Object.fromEntries(FREEDOMS.map(([key], index) => [key, pose[index]]).filter(([, value]) => value !== 0)),
  }));
}

function makeSliders() {
  $("#freedoms").replaceChildren(
    ...FREEDOMS.map(([key, name, unit, most], index) =>
      el(
        "div",
        { class: "field" },
        el("label", { for: key }, `${name}: `, el("output", { id: `${key}-now`, for: key })),
        el("input", { type: "range", id: key, min: -most, max: most, step: most / 200, value: 0, "data-unit": unit, oninput: (event) => slid(index, Number(event.target.value)) }),
      ),
    ),
  );
}

function slid(index, value) {
  const pose = [...poseOf(planeNow())];
  pose[index] = value;
  setPose(planeNow(), pose);
  showPose();
}

function showPose() {
  const pose = poseOf(planeNow());
  FREEDOMS.forEach(([key, , unit], index) => {
    $(`#${key}`).value = pose[index];
    $(`#${key}-now`).textContent = `${Number(pose[index].toFixed(5))} ${unit}`;
  });
  drawPoses();
}

function drawAtRandom() {
  const tolerances = FREEDOMS.map(([key]) => Number(form[key].value) || 0);
  for (let plane = 1; plane < planes.length - 1; plane++) {
    setPose(plane, tolerances.map((most) => Number(((2 * Math.random() - 1) * most).toPrecision(4))));
  }
  showPose();
}

function straighten() {
  for (const plane of [...poses.keys()]) setPose(plane, [0, 0, 0, 0, 0, 0]);
  showPose();
}

async function openStack() {
  if (!form.stack.value) return;
  try {
    const told = await ask("stack", { stack: form.stack.value });
    if (told.refused) throw Object.assign(new Error(told.refused), { field: "stack" });
    planes = told.planes;
  } catch (error) {
    return refuse(form, Object.assign(error, { field: "stack" }));
  }
  const now = $("#plane").value;
  $("#plane").replaceChildren(...planes.filter(({ plane }) => isLayer(plane)).map(({ plane }) => el("option", { value: plane }, `layer ${plane}`)));
  $("#plane").value = hasOption($("#plane"), now) ? now : 1;
  showPose();
}

// ---- The drawing: every plane as a sheet in space, its displacement exaggerated.

const multiply = (A, B) => A.map((row) => B[0].map((_, j) => row.reduce((sum, each, k) => sum + each * B[k][j], 0)));

function rotation(rx, ry, rz) {
  const [cx, sx, cy, sy, cz, sz] = [rx, ry, rz].flatMap((each) => [Math.cos(each), Math.sin(each)]);
  const X = [[1, 0, 0], [0, cx, -sx], [0, sx, cx]];
  const Y = [[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]];
  const Z = [[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]];
  return multiply(Z, multiply(Y, X));
}

function corners({ x, y, z }) {
  const [left, right, low, high] = [Math.min(...x), Math.max(...x), Math.min(...y), Math.max(...y)];
  return { corners: [[left, low], [right, low], [right, high], [left, high]], height: z[0] };
}

function moved({ corners: of, height }, pose, times, gap) {
  const limit = (value, most) => Math.max(-most, Math.min(most, value));
  const turn = rotation(...pose.slice(3).map((each) => limit((each * times * Math.PI) / 180, 1.2)));
  const [dx, dy] = pose.slice(0, 2).map((each) => each * times);
  const dz = limit(pose[2] * times, 0.9 * gap);
  return of.map(([x, y]) => {
    const [a, b, c] = turn.map((row) => row[0] * x + row[1] * y);
    return [a + dx, b + dy, height + c + dz];
  });
}

function drawPoses() {
  if (mode !== "pull" || !planes.length) return;
  const times = Number($("#exaggerate").value);
  $("#exaggerate-now").textContent = times;
  const { context, width, height } = sharp($("#drawing"));
  context.clearRect(0, 0, width, height);
  const sheets = planes.map(corners);
  const gap = Math.min(...sheets.slice(1).map((each, k) => each.height - sheets[k].height));
  const reach = Math.max(...sheets.flatMap(({ corners: of }) => of.flat().map(Math.abs)), 0.5);
  const long = sheets.at(-1).height;
  const scale = Math.min((width - 50) / (long * 0.9 + reach * 1.3), (height - 40) / (2.6 * reach));
  const project = ([x, y, z]) => [30 + scale * ((z - 0) * 0.9 + (x + reach) * 0.5), height / 2 + scale * (-y * 0.95 + x * 0.35)];
  sheets.forEach((sheet, plane) => {
    sheetPath(context, moved(sheet, [0, 0, 0, 0, 0, 0], 1, gap).map(project), colour("--line"), null, [4, 4]);
    const isChosen = plane === planeNow();
    const shade = colour(plane === 0 ? "--c1" : plane === sheets.length - 1 ? "--c2" : "--c0");
    sheetPath(context, moved(sheet, poseOf(plane), times, gap).map(project), shade, isChosen ? 0.5 : 0.16, [], isChosen ? 3 : 1.5);
  });
  const off = [...poses.keys()].filter(isLayer).length;
  $("#drawing").setAttribute("aria-label", `The layers, displacements ${times} times as large; ${off} layers are out of place`);
}

function sheetPath(context, points, shade, alpha, dash, thick = 1) {
  context.beginPath();
  points.forEach(([x, y], at) => (at ? context.lineTo(x, y) : context.moveTo(x, y)));
  context.closePath();
  context.setLineDash(dash);
  context.strokeStyle = context.fillStyle = shade;
  context.lineWidth = thick;
  if (alpha != null) {
    context.globalAlpha = alpha;
    context.fill();
    context.globalAlpha = 1;
  }
  context.stroke();
  context.setLineDash([]);
}

// ---- What a calibration found.

function watch(job) {
  watched = job;
  remember({ job });
  $("#watched").hidden = false;
  $("#result").hidden = true;
  let before = null;
  follow(job, $("#job"), {
    onJob: (told) => {
      if (told.state !== before) listed();
      before = told.state;
      if (isWrong(told)) return refuse(form, refusalOf(told));
      if (isOver(told) && told.answers.at(-1)) showResult(told);
    },
  });
}

function showResult(job) {
  const answer = job.answers.at(-1);
  const isNetwork = job.recipe === "network";
  $("#result").hidden = false;
  $("#verdict").textContent = answer.verdict || "";
  showUnseen(answer.not_seen);
  facts($("#facts"), answer, ["verdict", "not_seen", "output"]);
  const found = answer.planes || answer.motions || [];
  rows($("#planes"), found);
  drawBars = [];
  $("#displacements").replaceChildren(...(answer.planes ? displacementFigures(answer.planes, job) : []));
  for (const each of [$("#in-matrices"), $("#planes").parentElement, $("#displacements")]) each.hidden = isNetwork && !found.length;
  $("#displacements").previousElementSibling.hidden = isNetwork && !found.length;
  $("#in-matrices").hidden = isNetwork;
  $("#held-out").hidden = !isNetwork;
  if (isNetwork) $("#held-out-figure").src = `/api/jobs/${job.id}/files/held_out.png`;
  else {
    showMatrices(job);
    offerRedesign(job);
  }
}

function showUnseen(text) {
  const told = text && !text.startsWith("nothing") ? text.split("; ") : [];
  $("#unseen").replaceChildren(
    ...(told.length
      ? [el("h3", {}, "What these pilots cannot see"), el("ul", {}, ...told.map((each) => el("li", {}, each)))]
      : text ? [el("p", { class: "hint" }, `What cannot be seen: ${text}.`)] : []),
  );
}

function displacementFigures(found, job) {
  const true_ = new Map((job.fields.poses || []).map((pose) => [pose.plane, pose]));
  return FREEDOMS.filter(([key]) => found.some((row) => row[key] != null)).map(([key, name, unit]) => {
    const entries = found.filter((row) => row[key] != null).map((row) => ({
      name: row.plane,
      value: row[key],
      deviation: row[deviationOf(key)],
      truth: job.recipe === "pull" ? true_.get(planeNumber(row.plane))?.[key] ?? 0 : null,
    }));
    const canvas = el("canvas", { class: "chart", role: "img", "aria-label": `${name} of every plane, with two deviations either way` });
    const told = job.recipe === "pull" ? "squares: as built" : "";
    const made = el("figure", { class: "bars" }, canvas, el("figcaption", {}, `${name} (${unit}), ± 2 deviations; ${told}`));
    drawBars.push(() => bars(canvas, entries, { xLabel: unit }));
    requestAnimationFrame(drawBars.at(-1));
    return made;
  });
}

const planeNumber = (name) => (/input/.test(name) ? 0 : /receiver/.test(name) ? planes.length - 1 : Number(/\d+/.exec(name)?.[0]));

async function showMatrices(job) {
  const place = $("#matrices");
  try {
    const { matrices, floor_db: floor } = await ask("matrices", { job: job.id });
    const captions = { designed: "as designed", found_change: "calibrated − designed", error_before: "before: designed − built", error_after: "after: calibrated − built" };
    colourBar($("#matrix-scale"), viridis, `${floor} dB`, "0 dB");
    place.replaceChildren(
      ...matrices.map((each) => el("div", { class: "matrix" }, ...Object.entries(captions).filter(([key]) => each[key]).map(([key, caption]) => matrixFigure(`${each.name}, ${caption}`, each[key], floor)))),
    );
  } catch (error) {
    place.replaceChildren(el("p", { class: "refusal" }, error.message));
  }
}

async function offerRedesign(job) {
  const again = $("#again");
  again.hidden = false;
  const select = again.design;
  const designs = await ask("designs", {});
  select.replaceChildren(...designs.map(({ name, label }) => el("option", { value: name }, label)));
  const wanted = address().get("design") || shortExample(job.fields.stack);
  if (hasOption(select, wanted)) select.value = wanted;
  else if (address().has("design")) refuse(again, new Refusal(lost(wanted), "design"));
  again.dataset.job = job.id;
  if (address().has("again")) watchAgain(address().get("again"));
}

const shortExample = (stack) => (stack || "").replace(/\.toml$/, ".nc");

async function redesign(fields) {
  const job = $("#again").dataset.job;
  const { id } = await begin("redesign", { ...fields, calibrated: `job/${job}/calibrated.toml` });
  remember({ design: fields.design, again: id });
  watchAgain(id);
}

function watchAgain(id) {
  forgetRedesign();
  follow(id, $("#again-job"), {
    onJob: (told) => {
      if (isWrong(told)) return refuse($("#again"), refusalOf(told));
      if (!told.outputs.some(({ name }) => name === "redesign.nc") || !isOver(told)) return;
      if (told.answers.every(Boolean)) showRedesign(told);
      offerDirections($("#again").dataset.job, told.fields.design, id);
    },
  });
}

function forgetRedesign() {
  unfollow($("#again-job"));
  $("#again-numbers").replaceChildren();
  $("#to-directions").hidden = true;
}

function showRedesign({ answers: [before, after] }) {
  const stages = [
    ["the design, in the stack as designed", { nmse_db: before.designed_nmse_db, insertion_loss_db: before.designed_insertion_loss_db }],
    ["its phases, in the calibrated stack", before],
    ["designed again, in the calibrated stack", after],
  ];
  const keys = ["nmse_db", "insertion_loss_db"];
  $("#again-numbers").replaceChildren(
    el("thead", {}, el("tr", {}, ...["Phases", ...keys.map(label)].map((name) => el("th", { scope: "col" }, name)))),
    el("tbody", {}, ...stages.map(([name, told]) => el("tr", {}, el("th", { scope: "row" }, name), ...keys.map((key) => el("td", {}, shown(key, told[key])))))),
  );
}

async function offerDirections(job, design, again) {
  const { outputs } = await api("GET", `/api/jobs/${job}`);
  const built = outputs.some(({ name }) => name === "built.toml") ? "built.toml" : "calibrated.toml";
  const view = new URLSearchParams({ design, through: `job/${job}/${built}`, then: `job/${again}/redesign.nc` });
  const link = $("#to-directions");
  link.hidden = false;
  $("a", link).href = `/directions?${view}`;
}

const listed = () => listJobs($("#jobs"), MODES, { chosen: watched });

// ---- The page.

async function restoreCalibration(job) {
  const told = await restoreJob(job, mode, form);
  const found = told?.fields.poses || [];
  rememberMissing(Object.fromEntries(found.map((pose) => [`p${pose.plane}`, FREEDOMS.map(([key]) => pose[key] || 0).join(",")])));
}

function redraw() {
  drawPoses();
  for (const draw of drawBars) draw();
}

async function startPulling() {
  restorePoses();
  makeSliders();
  form.stack.addEventListener("change", openStack);
  $("#plane").addEventListener("change", showPose);
  $("#exaggerate").addEventListener("input", drawPoses);
  $("#draw").addEventListener("click", drawAtRandom);
  $("#straight").addEventListener("click", straighten);
  await openStack();
}

async function start() {
  panel.hidden = false;
  $(`[data-mode="${mode}"]`).setAttribute("aria-current", "page");
  const job = address().get("job");
  if (job) await restoreCalibration(job);
  await fillFiles(panel);
  keepInAddress(form);
  keepInAddress($("#again"));
  uploads($("input[type=file]", panel), panel);
  onSubmit(form, async (fields) => {
    const { id } = await begin(mode, fields, mode === "pull" ? { poses: posesForFile() } : {});
    remember({ again: null });
    forgetRedesign();
    watch(id);
    $("#watched").scrollIntoView({ behavior: "smooth", block: "nearest" });
  });
  onSubmit($("#again"), redesign);
  addEventListener("themechange", redraw);
  addEventListener("resize", redraw);
  listed();
  if (mode === "pull") await startPulling();
  if (job) watch(job);
}

start();
