// What is shown of a job: its state, its commands, its files and figures.

import { api, el, Refusal } from "./ask.js";
import { label } from "./numbers.js";

export const STATES = { waiting: "Waiting", running: "Running", done: "Done", stopped: "Stopped", refused: "Refused", failed: "Failed" };
export const isOver = (job) => !["waiting", "running"].includes(job.state);
export const isWrong = (job) => ["refused", "failed"].includes(job.state);
export const refusalOf = (job) => new Refusal(job.sentence, job.field);

// What is shown of a job: made once, so that what is open or focused stays so.
export function jobView(place) {
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
