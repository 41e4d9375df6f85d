// The runs page: run folders, one of them, two compared, one gone on with.

import { address, remember } from "./address.js";
import { $, api, ask, el } from "./ask.js";
import { follow } from "./follow.js";
import { refuse } from "./forms.js";
import { listJobs } from "./job_list.js";
import { isOver } from "./job_view.js";
import { facts, label, rows, shown } from "./numbers.js";

const main = $("main");
const chosen = () => address().get("run");

async function list() {
  const told = await ask("runs", {});
  const table = $("#runs");
  $("#other").replaceChildren(el("option", { value: "" }, "none"), ...told.filter(({ run }) => run !== chosen()).map(({ run }) => el("option", { value: run }, run)));
  if (!told.length) return table.replaceChildren(el("caption", {}, "No run yet: metastack sweep and metastack reproduce make them."));
  const keys = Object.keys(told[0]);
  table.replaceChildren(
    el("thead", {}, el("tr", {}, ...keys.map((key) => el("th", { scope: "col" }, label(key))))),
    el("tbody", {}, ...told.map((row) => el("tr", {}, ...keys.map((key) => el("td", {}, key === "run" ? link(row.run) : shown(key, row[key])))))),
  );
}

function link(run) {
  return el("a", { href: `/runs?run=${encodeURIComponent(run)}`, "aria-current": run === chosen() ? "true" : null }, run);
}

async function open(run) {
  const told = await ask("run", { run });
  $("#one").hidden = false;
  $("#h-run").textContent = run;
  facts($("#facts"), told.facts);
  rows($("#results"), told.results);
  $("#figures").replaceChildren(...told.figures.map((name) => el("figure", {}, el("img", { src: `/api/runs/${encodeURIComponent(run)}/figures/${encodeURIComponent(name)}`, alt: `${name} of ${run}` }), el("figcaption", {}, name))));
  $("#log").textContent = told.log.join("\n");
  $("#data").hidden = !told.facts.finished;
  $("#data").href = `/api/runs/${encodeURIComponent(run)}/results.nc`;
  $("#resume").hidden = told.facts.finished;
  const other = address().get("other");
  if (other) {
    $("#other").value = other;
    await compare();
  }
}

async function compare() {
  const other = $("#other").value;
  remember({ other: other || null });
  if (!other) {
    $("#comparison").replaceChildren();
    return rows($("#differences"), []);
  }
  const told = await ask("compare", { run: chosen(), other });
  facts($("#comparison"), told);
  rows($("#differences"), told.results);
}

async function resume() {
  const { id } = await api("POST", `/api/runs/${encodeURIComponent(chosen())}/resume`, {});
  remember({ job: id });
  watch(id);
}

function watch(id) {
  follow(id, $("#one").hidden ? $("#lone-job") : $("#job"), {
    onJob: (job) => {
      if (!isOver(job)) return;
      listJobs($("#jobs"));
      if (job.state === "done" && chosen()) open(chosen()).catch(said);
    },
  });
}

const said = (error) => refuse(main, error);

async function start() {
  listJobs($("#jobs")).catch(said);
  $("#other").addEventListener("change", () => compare().catch(said));
  $("#resume").addEventListener("click", () => resume().catch(said));
  try {
    await list();
    if (chosen()) await open(chosen());
  } catch (error) {
    said(error);
  }
  if (address().get("job")) watch(address().get("job"));
}

start();
