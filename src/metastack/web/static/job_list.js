// The list of jobs, compared, opened and removed.

import { api, el } from "./ask.js";
import { isOver, STATES } from "./job_view.js";
import { label, shown } from "./numbers.js";

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
