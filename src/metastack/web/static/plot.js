// Pictures on canvases: lines, matrices, phases. Colours are told apart without red and green.

const VIRIDIS = ["#440154", "#482878", "#3e4989", "#31688e", "#26828e", "#1f9e89", "#35b779", "#6ece58", "#b5de2b", "#fde725"];
const TURN = ["#e2d9e2", "#9cb3cd", "#6a83bf", "#5e43a5", "#2f1436", "#7a2448", "#b25652", "#d1a38d", "#e2d9e2"];

export const viridis = table(VIRIDIS);
export const turn = table(TURN);

function table(anchors) {
  const colours = anchors.map((each) => [1, 3, 5].map((at) => parseInt(each.slice(at, at + 2), 16)));
  return Array.from({ length: 256 }, (_, shade) => {
    const place = (shade / 255) * (colours.length - 1);
    const below = Math.min(Math.floor(place), colours.length - 2);
    return colours[below].map((each, part) => each + (place - below) * (colours[below + 1][part] - each));
  });
}

export const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
export const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
export const COLOURS = ["--c0", "--c1", "--c2", "--c3", "--c4", "--c5"];

// The smallest and the largest of finite values, however many there are.
export function extent(values) {
  let low = Infinity, high = -Infinity;
  for (const each of values) {
    if (!Number.isFinite(each)) continue;
    if (each < low) low = each;
    if (each > high) high = each;
  }
  return low <= high ? [low, high] : [0, 0];
}

// A canvas with as many pixels as the screen shows, its context in CSS pixels.
export function sharp(canvas) {
  const ratio = devicePixelRatio || 1;
  const { clientWidth: width, clientHeight: height } = canvas;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const context = canvas.getContext("2d");
  context.scale(ratio, ratio);
  return { context, width, height };
}

// `shades`: 0 to 255, row after row from the top, or from the bottom with `up`.
export function shaded(shades, columns, rows, colours, up = false) {
  const canvas = document.createElement("canvas");
  canvas.width = columns;
  canvas.height = rows;
  const context = canvas.getContext("2d");
  const image = context.createImageData(columns, rows);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const [r, g, b] = colours[shades[(up ? rows - 1 - row : row) * columns + column]];
      image.data.set([r, g, b, 255], 4 * (row * columns + column));
    }
  }
  context.putImageData(image, 0, 0);
  return canvas;
}

const NICE = [1, 2, 5, 10];

function ticks(low, high, many, least = 0) {
  const rough = Math.max(least, (high - low || 1) / many);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = NICE.map((each) => each * power).find((each) => each >= rough);
  const found = [];
  for (let at = Math.ceil(low / step) * step; at <= high + 1e-9 * step; at += step) found.push(Number(at.toPrecision(10)));
  return found;
}

// `series`: [{name, x, y}] in the colours in turn.
export function lines(canvas, series, { xLabel = "", yLabel = "" } = {}) {
  const { context, width, height } = sharp(canvas);
  const drawn = series.filter((each) => each.x.length);
  context.clearRect(0, 0, width, height);
  if (!drawn.length) return;
  context.font = "13px system-ui, sans-serif";
  const names = legendPlaces(context, drawn, width - 56 - 12);
  const [left, right, top, bottom] = [56, 12, 14 + 18 * (names.at(-1).row + 1), 42];
  const [low, high] = extentOfAll(drawn.map((each) => each.y)), pad = (high - low || 1) * 0.05;
  const last = Math.max(1, extentOfAll(drawn.map((each) => each.x))[1]);
  const px = (x) => left + (x / last) * (width - left - right);
  const py = (y) => top + ((high + pad - y) / (high - low + 2 * pad)) * (height - top - bottom);
  context.strokeStyle = colour("--line");
  context.fillStyle = colour("--soft");
  context.lineWidth = 1;
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const y of ticks(low - pad, high + pad, 5)) {
    segment(context, left, py(y), width - right, py(y));
    context.fillText(String(y), left - 8, py(y));
  }
  context.textAlign = "center";
  for (const x of ticks(0, last, Math.min(8, width / 80), 1)) context.fillText(String(x), px(x), height - bottom + 14);
  context.fillText(xLabel, (left + width - right) / 2, height - 8);
  context.textAlign = "left";
  context.fillText(yLabel, 4, 8);
  drawn.forEach((each, index) => {
    context.strokeStyle = context.fillStyle = colour(COLOURS[index % COLOURS.length]);
    context.lineWidth = 2.2;
    context.setLineDash(index >= COLOURS.length ? [6, 4] : []);
    context.beginPath();
    for (const at of thinned(each.x.length)) context.lineTo(px(each.x[at]), py(each.y[at]));
    // A line of one point is a dot.
    if (each.x.length === 1) context.arc(px(each.x[0]), py(each.y[0]), 2, 0, 7);
    context.stroke();
    context.setLineDash([]);
    context.fillText(`— ${each.name}`, left + 8 + names[index].x, 26 + 18 * names[index].row);
  });
}

const extentOfAll = (many) => extent(many.flatMap(extent));

const MOST_POINTS = 2000;

// Which of so many points are drawn: evenly, with the last.
function thinned(count) {
  const drawn = Math.min(count, MOST_POINTS);
  return Array.from({ length: drawn }, (_, k) => (drawn > 1 ? Math.round((k * (count - 1)) / (drawn - 1)) : 0));
}

// Names side by side as far as they fit, then in the next row.
function legendPlaces(context, series, width) {
  let x = 0, row = 0;
  return series.map(({ name }) => {
    const wide = context.measureText(`— ${name}`).width + 18;
    if (x && x + wide > width) [x, row] = [0, row + 1];
    x += wide;
    return { x: x - wide, row };
  });
}

function segment(context, x0, y0, x1, y1) {
  context.beginPath();
  context.moveTo(x0, y0);
  context.lineTo(x1, y1);
  context.stroke();
}

// A picture of numbers in dB from `floor` to 0, under a caption.
export function matrixFigure(caption, numbers, floor, side = 168) {
  const shades = numbers.flat().map((db) => Math.round(255 * (1 - Math.min(1, Math.max(0, db / floor)))));
  return figure(caption, shaded(shades, numbers[0].length, numbers.length, viridis), side);
}

// The colours from left to right, between what their ends stand for.
export function colourBar(place, colours, from, to) {
  const bar = document.createElement("canvas");
  bar.width = 160;
  bar.height = 12;
  bar.setAttribute("aria-hidden", "true");
  bar.getContext("2d").drawImage(shaded(Uint8Array.from(colours, (_, k) => k), colours.length, 1, colours), 0, 0, bar.width, bar.height);
  place.replaceChildren(`${from} `, bar, ` ${to}`);
}

export function figure(caption, picture, side) {
  const made = document.createElement("figure");
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = side;
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", caption);
  const context = canvas.getContext("2d");
  context.imageSmoothingEnabled = false;
  context.drawImage(picture, 0, 0, side, side);
  const text = document.createElement("figcaption");
  text.textContent = caption;
  made.append(canvas, text);
  return made;
}

// Values with error bars, one line each: [{name, value, deviation, truth}].
export function bars(canvas, entries, { xLabel = "" } = {}) {
  canvas.style.height = `${26 * entries.length + 40}px`;
  const { context, width, height } = sharp(canvas);
  const left = 120, right = 14, bottom = 36;
  const reach = Math.max(1e-12, ...entries.flatMap((e) => [Math.abs(e.value) + 2 * (e.deviation || 0), Math.abs(e.truth || 0)]));
  const px = (x) => left + ((x / reach + 1) / 2) * (width - left - right);
  context.clearRect(0, 0, width, height);
  context.font = "13px system-ui, sans-serif";
  context.textBaseline = "middle";
  context.strokeStyle = colour("--line");
  segment(context, px(0), 4, px(0), height - bottom);
  context.fillStyle = colour("--soft");
  context.textAlign = "center";
  for (const x of ticks(-reach, reach, 4)) context.fillText(String(x), px(x), height - bottom + 12);
  context.fillText(xLabel, (left + width - right) / 2, height - 8);
  entries.forEach(({ name, value, deviation, truth }, index) => {
    const y = 16 + 26 * index;
    context.textAlign = "left";
    context.fillStyle = colour("--ink");
    context.fillText(name, 0, y);
    if (truth != null) {
      context.strokeStyle = colour("--c1");
      context.lineWidth = 2;
      context.strokeRect(px(truth) - 5, y - 5, 10, 10);
    }
    context.strokeStyle = context.fillStyle = colour("--c0");
    context.lineWidth = 2;
    if (deviation != null) {
      segment(context, px(value - 2 * deviation), y, px(value + 2 * deviation), y);
      for (const end of [-2, 2]) segment(context, px(value + end * deviation), y - 5, px(value + end * deviation), y + 5);
    }
    context.beginPath();
    context.arc(px(value), y, 4, 0, 7);
    context.fill();
  });
}
