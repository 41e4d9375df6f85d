// What every page does: ask the lab, fill in forms, keep the view in the address, follow jobs.

export const $ = (selector, root = document) => root.querySelector(selector);
export const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

export function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value != null) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child != null));
  return made;
}

export class Refusal extends Error {
  constructor(sentence, field) {
    super(sentence);
    this.field = field;
  }
}

export async function api(method, path, body, { signal } = {}) {
  const options = { method, signal, headers: {} };
  if (body instanceof FormData) options.body = body;
  else if (body !== undefined) {
    options.body = JSON.stringify(body);
    options.headers["Content-Type"] = "application/json";
  }
  let answer;
  try {
    answer = await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refusal("The lab does not answer: is `metastack lab` still running?");
  }
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Refusal(told.refused || `The lab answered ${answer.status}.`, told.field);
  return told;
}

export const ask = (question, given, options) => api("POST", `/api/ask/${question}`, given, options);

// ---- The address: everything that restores a view.

export const address = () => new URLSearchParams(location.search);

// A value of null leaves the address; an empty one is kept, as of a field that was cleared.
export function remember(values) {
  const now = address();
  for (const [name, value] of Object.entries(values)) {
    if (value == null) now.delete(name);
    else now.set(name, value);
  }
  const text = now.toString();
  history.replaceState(null, "", text ? `?${text}` : location.pathname);
}

const unlessIn = (known, values) => Object.fromEntries(Object.entries(values).filter(([name]) => !known.has(name)));

// Only what the address does not say yet.
export const rememberMissing = (values) => remember(unlessIn(address(), values));

// ---- Forms.

const value = (input) => (input.type === "checkbox" ? (input.checked ? "yes" : "") : input.value);

export function formFields(form) {
  return Object.fromEntries(
    $$("input[name], select[name]", form).filter((each) => each.type !== "radio").map((each) => [each.name, value(each)]),
  );
}

export function keepInAddress(form) {
  const from = address();
  for (const input of $$("input[name], select[name]", form)) {
    if (!from.has(input.name) || input.type === "radio") continue;
    if (input.type === "checkbox") input.checked = from.get(input.name) === "yes";
    else if (input.tagName !== "SELECT" || [...input.options].some((each) => each.value === from.get(input.name))) {
      input.value = from.get(input.name);
    }
    const more = input.closest("details");
    if (more) more.open = true;
  }
  form.addEventListener("input", (event) => {
    const input = event.target;
    if (!input.name || input.type === "radio") return;
    remember({ [input.name]: isUsual(input, value(input)) ? null : value(input) });
    clearRefusal(input.closest(".field"));
  });
}

// Whether a field says nothing of its own; what a job in the address says, a field may say otherwise.
const isUsual = (input, now) => now === (input.dataset.default ?? "") && !address().has("job");

// The form of a job into the address, where that does not say otherwise.
export async function restoreJob(job, recipe, form) {
  const told = await api("GET", `/api/jobs/${job}`).catch(() => null);
  if (told?.recipe !== recipe) return null;
  const typed = Object.entries(told.fields).filter(([name, text]) => form[name] && text !== (form[name].dataset.default ?? ""));
  rememberMissing(Object.fromEntries(typed));
  return told;
}

function clearRefusal(field) {
  if (!field) return;
  for (const each of $$(".refusal", field)) each.hidden = true;
  for (const each of $$("[aria-invalid]", field)) each.removeAttribute("aria-invalid");
}

export function clearRefusals(root) {
  for (const each of $$(".refusal", root)) each.hidden = true;
  for (const each of $$("[aria-invalid]", root)) each.removeAttribute("aria-invalid");
}

export function refuse(root, error) {
  const field = error.field && $(`[data-field="${CSS.escape(error.field)}"]`, root);
  const place = field ? $(".refusal", field) : $(".refusal.general", root);
  if (!place) throw error;
  place.textContent = error.message;
  place.hidden = false;
  if (!field) return;
  const more = field.closest("details");
  if (more) more.open = true;
  const input = $("input, select", field);
  input.setAttribute("aria-invalid", "true");
  input.focus();
}

export const hasOption = (select, name) => [...select.options].some((each) => each.value === name);
export const lost = (name) => `\`${name}\` is not in this lab; choose another file.`;

export async function fillFiles(root = document) {
  const wanted = address();
  await Promise.all(
    $$("select[data-suffixes]", root).map(async (select) => {
      const names = await api("GET", `/api/files?suffixes=${select.dataset.suffixes}`);
      const before = select.value || wanted.get(select.name) || select.dataset.default;
      const fixed = [...select.options].filter((each) => "fixed" in each.dataset);
      select.replaceChildren(
        ...fixed,
        ...names.map(({ name, label }) => el("option", { value: name }, label)),
      );
      if (!select.dataset.default) select.prepend(el("option", { value: "" }, names.length ? "choose or upload" : "none yet: upload one"));
      if (hasOption(select, before)) select.value = before;
      else {
        select.value = "";
        if (before) refuse(root, new Refusal(lost(before), select.name));
      }
    }),
  );
}

export function uploads(input, root, then = () => {}) {
  input.addEventListener("change", async () => {
    const told = $(".refusal", input.parentElement);
    told.hidden = true;
    const files = new FormData();
    for (const file of input.files) files.append("files", file);
    try {
      const { names } = await api("POST", "/api/files", files);
      await fillFiles(root);
      choose(root, names);
      then(names);
    } catch (error) {
      told.textContent = error.message;
      told.hidden = false;
    }
    input.value = "";
  });
}

// Every uploaded file into the first select that takes it and has not been given one of them.
function choose(root, names) {
  const selects = $$("select[data-suffixes]", root).reverse();
  const taken = new Set();
  for (const name of names) {
    const fitting = selects.filter((each) => !taken.has(each) && [...each.options].some((o) => o.value === name));
    const best = fitting.find((each) => name.toLowerCase().split("/").pop().includes(each.name.slice(0, 5))) || fitting[0];
    if (!best) continue;
    taken.add(best);
    best.value = name;
    best.dispatchEvent(new Event("input", { bubbles: true }));
    best.dispatchEvent(new Event("change", { bubbles: true }));
  }
}

export function onSubmit(form, send) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    clearRefusals(form);
    const button = $("button[type=submit]", form);
    button.disabled = true;
    try {
      await send(formFields(form));
    } catch (error) {
      refuse(form, error);
    }
    button.disabled = false;
  });
}

export const begin = (recipe, fields, more = {}) => api("POST", "/api/jobs", { recipe, fields, ...more });

// ---- Jobs, followed while the page is seen: a browser holds few streams for all its pages together.

const MILLISECONDS_BETWEEN_LOOKS = 3000;
const streams = new Set();
const followed = new Map();

document.addEventListener("visibilitychange", () => streams.forEach((each) => (document.hidden ? each.pause() : each.open())));

// Tells of a job until it is over or the stream is closed; `seldom`: looked at now and then, without holding a stream.
export function listen(job, { onProgress = () => {}, onJob = () => {}, onLost = () => {} }, { seldom = false } = {}) {
  let source = null, timer = null, after = 0;
  const stream = { open, pause, close };

  function open() {
    pause();
    source = new EventSource(`/api/jobs/${job}/events?after=${after}`);
    source.addEventListener("progress", (event) => {
      after = event.lastEventId;
      onProgress(JSON.parse(event.data));
    });
    source.addEventListener("job", (event) => {
      const told = JSON.parse(event.data);
      if (isOver(told)) close();
      else if (seldom) lookAgain();
      onJob(told);
    });
    source.addEventListener("error", () => onLost(source.readyState === EventSource.CLOSED));
  }

  function lookAgain() {
    pause();
    timer = setTimeout(open, MILLISECONDS_BETWEEN_LOOKS);
  }

  function pause() {
    clearTimeout(timer);
    source?.close();
  }

  function close() {
    pause();
    streams.delete(stream);
  }

  streams.add(stream);
  if (!document.hidden) open();
  return stream;
}

// Shows a job in a place, instead of the one that was followed there.
export function follow(job, place, { onProgress = () => {}, onJob = () => {} } = {}) {
  unfollow(place);
  const view = jobView(place);
  let known = null, last = null;
  const show = () => known && view.show(known, last);
  const stream = listen(job, {
    onProgress(told) {
      last = told.at(-1);
      show();
      onProgress(told);
    },
    onJob(told) {
      if (known && told.step !== known.step) last = null;
      known = told;
      show();
      onJob(told);
    },
    onLost: (isClosed) => (isClosed && !known ? view.none(job) : view.say("The lab does not answer.")),
  });
  followed.set(place, stream);
}

export function unfollow(place) {
  followed.get(place)?.close();
  followed.delete(place);
  place.replaceChildren();
}

const STATES = { waiting: "Waiting", running: "Running", done: "Done", stopped: "Stopped", refused: "Refused", failed: "Failed" };
export const isOver = (job) => !["waiting", "running"].includes(job.state);
export const isWrong = (job) => ["refused", "failed"].includes(job.state);
export const refusalOf = (job) => new Refusal(job.sentence, job.field);

// What is shown of a job: made once, so that what is open or focused stays so.
function jobView(place) {
  const state = el("span", { role: "status" }), said = el("span", { class: "grow" });
  const stop = el("button", { type: "button", class: "quiet", hidden: true }, "Stop");
  const commands = el("pre"), outputs = el("ul"), figures = el("div");
  const more = el("details", {}, el("summary", {}, "Commands and files"), commands, outputs);
  const parts = [el("div", { class: "status" }, state, said, stop), more, figures];
  let listed = "";

  function say(sentence) {
    if (!place.contains(said)) place.replaceChildren(...parts);
    said.textContent = sentence;
  }

  function show(job, last) {
    if (state.textContent !== STATES[job.state]) state.replaceChildren(STATES[job.state]);
    state.className = `state ${job.state}`;
    say(sentenceOf(job, last));
    stop.hidden = isOver(job);
    stop.onclick = () => api("POST", `/api/jobs/${job.id}/stop`).catch((error) => say(error.message));
    commands.textContent = job.commands.join("\n");
    if (listed !== (listed = JSON.stringify(job.outputs))) outputs.replaceChildren(...files(job));
    if (isOver(job) && job.outputs.some(({ name }) => name === "report.html")) figures.replaceChildren(figuresOf(job));
  }

  function none(job) {
    place.replaceChildren(el("p", { class: "refusal", role: "alert" }, `There is no job ${job} in this lab.`));
  }

  return { show, say, none };
}

function sentenceOf(job, last) {
  if (isOver(job)) return job.state === "stopped" ? "" : job.sentence;
  const step = job.lines.length > 1 && job.state === "running" ? `Step ${job.step + 1} of ${job.lines.length}. ` : "";
  return step + (last ? progressInWords(last) : job.messages.at(-1) || "");
}

// A line of progress, as commands tell it; of designs `done` is the start under way.
function progressInWords({ what, done, total, iteration }) {
  const of = total == null ? "" : ` of ${total}`;
  const place = what === "design" ? `start ${done + 1}${of}` : `${done}${of}`;
  return `${label(what)}: ${place}${iteration == null || iteration === done ? "" : `, iteration ${iteration}`}.`;
}

function files(job) {
  return job.outputs.map(({ name, bytes }) => el("li", {}, ...fileLinks(job.id, name), ` ${(bytes / 1024).toFixed(0)} kB`));
}

// The report's figures one by one, fetched once somebody wants them.
function figuresOf(job) {
  const place = el("div", { class: "figures" });
  return el("details", { ontoggle: (event) => event.target.open && !place.children.length && showFigures(job, place) }, el("summary", {}, "Figures"), place);
}

async function showFigures(job, place) {
  const path = `/api/jobs/${job.id}/figures`;
  let told;
  try {
    told = await api("GET", path);
  } catch (error) {
    return place.replaceChildren(el("p", { class: "refusal", role: "alert" }, error.message));
  }
  place.replaceChildren(
    ...told.map(({ name, caption }) =>
      el("figure", {}, el("img", { src: `${path}/${name}`, alt: caption, loading: "lazy" }), el("figcaption", {}, `${caption} `, el("a", { href: `${path}/${name}`, download: name }, name))),
    ),
  );
}

export function fileLinks(job, name) {
  const path = `/api/jobs/${job}/files/${encodeURIComponent(name)}`;
  const shown = /\.(html|png)$/.test(name);
  return [
    el("a", { href: `${path}?download`, download: name }, name),
    shown ? " " : null,
    shown ? el("a", { href: path, target: "_blank", rel: "noopener" }, "look") : null,
  ];
}

export async function listJobs(table, recipes, { chosen, onTick, ticked = [] } = {}) {
  const jobs = (await api("GET", "/api/jobs")).filter((job) => !recipes || recipes.includes(job.recipe));
  if (!jobs.length) {
    table.replaceChildren(el("caption", {}, "None yet."));
    return jobs;
  }
  const compared = [...new Set(jobs.flatMap((job) => Object.keys(job.numbers)))];
  const rows = jobs.map((job) =>
    el(
      "tr",
      {},
      onTick ? el("td", {}, el("input", { type: "checkbox", "aria-label": `Draw ${job.id}`, value: job.id, checked: ticked.includes(job.id), onchange: onTick })) : null,
      el("td", { class: "wraps" }, el("a", { href: pageOf(job), "aria-current": job.id === chosen ? "true" : null }, job.title)),
      el("td", {}, shortName(job.fields.stack || job.fields.design || job.fields.designed || "")),
      el("td", { class: `state ${job.state}` }, STATES[job.state]),
      ...compared.map((name) => el("td", {}, name in job.numbers ? shown(name, job.numbers[name]) : "")),
      el("td", {}, job.created_utc.replace("T", " ").slice(0, 16)),
      el("td", {}, isOver(job) && job.id !== chosen ? remover(job) : ""),
    ),
  );
  const heads = [...(onTick ? ["Draw"] : []), "Job", "Of", "State", ...compared.map(label), "Begun (UTC)", ""].map((name) => (name ? el("th", { scope: "col" }, name) : el("td")));
  table.replaceChildren(el("thead", {}, el("tr", {}, ...heads)), el("tbody", {}, ...rows));
  return jobs;
}

// Asks once more by its own words: what is removed does not come back.
function remover(job) {
  const button = el("button", { type: "button", class: "quiet small", "aria-label": `Remove ${job.title} of ${job.created_utc}` }, "Remove");
  button.addEventListener("click", async () => {
    if (button.textContent === "Remove") return (button.textContent = "Remove for good");
    try {
      await api("DELETE", `/api/jobs/${job.id}`);
      button.closest("tr").remove();
    } catch (error) {
      button.replaceWith(el("span", { class: "refusal", role: "alert" }, error.message));
    }
  });
  return button;
}

export function pageOf(job) {
  if (job.recipe === "design") return `/design?job=${job.id}`;
  if (["pull", "calibrate", "network"].includes(job.recipe)) return `/calibrate?mode=${job.recipe}&job=${job.id}`;
  return `/runs?job=${job.id}`;
}

export const shortName = (name) => name.split("/").pop();

// ---- Numbers, said as the command line says them.

const UNITS = [
  ["_bit_per_s_per_hz", " bit/s/Hz"], ["_db", " dB"], ["_dbm", " dBm"], ["_deg", "°"], ["_over_pi", " π"],
  ["_wavelengths", " λ"], ["_hz", " Hz"], ["_bytes", " bytes"], ["_m2", " m²"], ["_m", " m"], ["seconds", " s"],
];
const unit = (key) => UNITS.find(([ending]) => key.endsWith(ending)) || ["", ""];

export function label(key) {
  const [ending] = unit(key);
  const name = (key === ending ? key : key.slice(0, key.length - ending.length)).replaceAll("_", " ").trim();
  return (name.charAt(0).toUpperCase() + name.slice(1)).replace(/\b(nmse|snr|mse|rms|utc|rx|ry|rz|dx|dy|dz)\b/gi, (word) => (word.length === 2 ? word.toLowerCase() : word.toUpperCase()));
}

export function shown(key, value) {
  if (value == null) return "unknown";
  if (Array.isArray(value)) return value.map((each) => shown(key, each)).join(", ");
  const text = typeof value === "number" ? short(value) : value === true ? "yes" : value === false ? "no" : String(value);
  return text + unit(key)[1];
}

const short = (value) => (Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(6))));
const isRows = (value) => Array.isArray(value) && value.length && typeof value[0] === "object";

export function facts(list, told, but = []) {
  const entries = Object.entries(told).filter(([key, value]) => !but.includes(key) && !isRows(value) && value !== "");
  list.replaceChildren(...entries.flatMap(([key, value]) => [el("dt", {}, label(key)), el("dd", {}, shown(key, value))]));
}

export function rows(table, told) {
  if (!told?.length) return table.replaceChildren();
  const keys = Object.keys(told[0]);
  table.replaceChildren(
    el("thead", {}, el("tr", {}, ...keys.map((key) => el("th", { scope: "col" }, label(key))))),
    el("tbody", {}, ...told.map((row) => el("tr", {}, ...keys.map((key) => el("td", {}, roundedIn(row, key)))))),
  );
}

// A number to two digits of its deviation, where the row has one.
function roundedIn(row, key) {
  const value = row[key];
  const deviation = key.includes("_deviation") ? value : row[deviationOf(key)];
  if (typeof value !== "number" || !(deviation > 0)) return shown(key, value);
  return value.toFixed(Math.min(12, Math.max(0, 1 - Math.floor(Math.log10(deviation))))) + unit(key)[1];
}

export const deviationOf = (key) => key.replace(/_(wavelengths|deg)$/, "_deviation_$1");
