// Numbers, said as the command line says them.

import { el } from "./ask.js";

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
