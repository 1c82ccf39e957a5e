// Numbers, times and elements: what the other scripts share.

function clamp(value, low, high) { return Math.min(Math.max(value, low), high); }

// {type, shape, data: base64} -> {values, rows, width}
function unpack(packed) {
  const text = atob(packed.data);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  const values = packed.type === "f8" ? new Float64Array(bytes.buffer) : new Float32Array(bytes.buffer);
  const [rows, width = 1] = packed.shape;
  return { values, rows, width };
}

// Index of the last of ascending times that is not later; -1 before the first.
function lastNotAfter(times, time) {
  let low = 0, high = times.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle] <= time) low = middle + 1; else high = middle;
  }
  return low - 1;
}

// Index of the nearest of ascending times, the earlier of two that are equally near; -1 of none.
function nearest(times, time) {
  const before = lastNotAfter(times, time);
  if (before < 0) return times.length ? 0 : -1;
  if (before === times.length - 1) return before;
  return time - times[before] <= times[before + 1] - time ? before : before + 1;
}

function secondsText(seconds, digits = 3) {
  const sign = seconds < 0 ? "−" : "";
  const size = Number(Math.abs(seconds).toFixed(digits));  // rounded first: never 4:60.0
  if (size < 60) return sign + size.toFixed(digits);
  const minutes = Math.floor(size / 60);
  const rest = (size - 60 * minutes).toFixed(digits).padStart(digits ? 3 + digits : 2, "0");
  return `${sign}${minutes}:${rest}`;
}

function signed(value, digits) {
  const text = Math.abs(value).toFixed(digits);
  return Number(text) === 0 ? text : (value < 0 ? "−" : "+") + text;
}

function numberText(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  if (Number.isInteger(value)) return String(value).replace("-", "−");
  const size = Math.abs(value);
  const text = size >= 1e5 || size < 1e-4 ? value.toExponential(2) : value.toPrecision(4);
  return text.replace(/-/g, "−");
}

function countText(count, name) { return `${count.toLocaleString("en")} ${name}${count === 1 ? "" : "s"}`; }

// Text is only ever set as text: no name in a dataset can become markup.
function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name === "class") made.className = value;
    else if (name.startsWith("data-") || name.startsWith("aria-") || name === "role") made.setAttribute(name, value);
    else made[name] = value;
  }
  made.append(...children.filter(child => child !== null && child !== undefined));
  return made;
}

function byId(id) { return document.getElementById(id); }

function setText(node, text) { if (node.textContent !== text) node.textContent = text; }

// What somebody chose, kept between visits where the browser allows it.
function remember(name, value) {
  try { localStorage.setItem(`tcn-robot view ${name}`, JSON.stringify(value)); } catch { /* no storage */ }
}

function recall(name, otherwise) {
  try { return JSON.parse(localStorage.getItem(`tcn-robot view ${name}`)) ?? otherwise; } catch { return otherwise; }
}
