// Forms: filled from the address and from jobs, sent, and told what was refused.

import { address, remember, rememberMissing } from "./address.js";
import { $, $$, api, el, Refusal } from "./ask.js";

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

const isNamedAfter = (select, name) => name.toLowerCase().split("/").pop().includes(select.name.slice(0, 5));

// Every uploaded file into a select that takes it: first where its name says so, then wherever there is room.
function choose(root, names) {
  const free = new Set($$("select[data-suffixes]", root).reverse());
  const left = new Set(names);
  for (const fits of [isNamedAfter, () => true]) {
    for (const name of left) {
      const select = [...free].find((each) => hasOption(each, name) && fits(each, name));
      if (!select) continue;
      free.delete(select);
      left.delete(name);
      select.value = name;
      for (const event of ["input", "change"]) select.dispatchEvent(new Event(event, { bubbles: true }));
    }
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
