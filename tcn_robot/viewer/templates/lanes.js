// The lanes of the timeline: each knows its height, draws itself and says its value at a time.
//
// A lane draws into {left, top, width, height} with scale.x(time), and a palette of colours.

const MOST_CURVE_LANES = 12;  // wider columns are drawn as stripes of colour

// Rows that can be seen, one more at each side.
function visibleRows(times, scale) {
  const first = Math.max(lastNotAfter(times, scale.start), 0);
  return [first, Math.min(lastNotAfter(times, scale.stop) + 2, times.length)];
}

// Until when a row holds: to the next row, the last one for a moment.
function rowStop(times, row) {
  if (row + 1 < times.length) return times[row + 1];
  return times[row] + (row > 0 ? times[row] - times[row - 1] : 0.1);
}

class ViewLane {
  constructor(film, marks) {
    this.key = "views";
    this.label = film.name;
    this.film = film;
    this.marks = marks;
    this.height = 15;
  }

  draw(g, box, scale, palette) {
    const times = this.film.times, middle = box.top + box.height / 2;
    if (!times.length) return;
    g.fillStyle = palette.bar;
    const left = scale.x(times[0]), right = Math.max(scale.x(times[times.length - 1]), left + 2);
    g.fillRect(left, middle - 2, right - left, 4);
    const [first, stop] = visibleRows(times, scale);
    if ((stop - first) * 5 < box.width) {
      g.fillStyle = palette.accent;
      for (let frame = first; frame < stop; frame++) g.fillRect(scale.x(times[frame]) - 0.75, middle - 5, 1.5, 10);
    }
    this.drawFaults(g, scale, palette, middle);
  }

  drawFaults(g, scale, palette, middle) {
    const times = this.film.times;
    g.fillStyle = palette.bad;
    for (const [frame] of this.film.view.missing) {
      const left = scale.x(times[frame - 1]), right = scale.x(times[frame]);
      g.fillRect(left, middle - 2, Math.max(right - left, 2), 4);
    }
    g.fillStyle = palette.warn;
    for (const frame of this.film.view.late) g.fillRect(scale.x(times[frame]) - 1, middle - 6, 2, 12);
    for (const mark of this.marks) drawMark(g, scale.x(mark.time), middle + 6, mark.isFault ? palette.bad : palette.warn);
  }

  at(time) {
    const times = this.film.times, frame = nearest(times, time);
    if (frame < 0) return null;
    const missing = this.film.view.missing.find(([number]) => number === frame);
    const said = [`frame ${frame}`, `${signed(1000 * (times[frame] - time), 0)} ms`];
    if (missing) said.push(`${missing[1]} missing before`);
    if (this.film.view.late.includes(frame)) said.push("late");
    return said.join(", ");
  }
}

function drawMark(g, x, bottom, colour) {
  g.fillStyle = colour;
  g.beginPath();
  g.moveTo(x, bottom);
  g.lineTo(x - 5, bottom - 9);
  g.lineTo(x + 5, bottom - 9);
  g.fill();
}

class BandLane {
  constructor(column, times) {
    this.key = this.label = column.name;
    this.names = column.names;
    this.isTruth = column.is_truth;
    this.codes = unpack(column.codes).values;
    this.times = times;
    this.height = this.isTruth ? 13 : 20;
  }

  draw(g, box, scale, palette) {
    const [first, stop] = visibleRows(this.times, scale);
    for (let row = first; row < stop;) {
      const code = this.codes[row];
      let next = row + 1;
      while (next < stop && this.codes[next] === code) next++;
      this.drawBand(g, box, code, scale.x(this.times[row]),
        Math.min(scale.x(rowStop(this.times, next - 1)), box.left + box.width + 1), palette);
      row = next;
    }
  }

  drawBand(g, box, code, left, right, palette) {
    const isYes = this.names[code] === "yes";
    if (code < 0 || this.isTruth && !isYes) return;
    const width = Math.max(right - left - 1, 1);
    g.fillStyle = this.isTruth ? palette.good : palette.bands[code % palette.bands.length];
    g.globalAlpha = this.isTruth ? 0.75 : 0.85;
    g.beginPath();
    g.roundRect(left, box.top + 2, width, box.height - 4, Math.min(3, width / 2));
    g.fill();
    g.globalAlpha = 1;
    if (this.isTruth || width < 26) return;
    const from = Math.max(left, box.left), shown = right - from - 8;
    g.save();
    g.beginPath();
    g.rect(from, box.top, Math.max(right - from - 3, 0), box.height);
    g.clip();
    g.fillStyle = palette.bandInk;
    if (shown > 20) g.fillText(this.names[code], from + 5, box.top + box.height / 2);
    g.restore();
  }

  at(time) { return this.names[this.codes[nearest(this.times, time)]] ?? null; }
}

// Least and largest finite number of one curve; of all curves of a column where they share a scale.
function rangeOf(table, column) {
  let low = Infinity, high = -Infinity;
  for (let i = column ?? 0; i < table.values.length; i += column === null ? 1 : table.width) {
    const value = table.values[i];
    if (!Number.isFinite(value)) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (low > high) return [0, 1];
  if (low === high) return [low - 0.5, high + 0.5];
  return [low, high];
}

class CurveLane {
  constructor(column, table, index, times, range, colour) {
    this.key = column.name;
    this.label = table.width > 1 ? `${column.name} ${index}` : column.name;
    this.table = table;
    this.index = index;
    this.times = times;
    this.range = range;
    this.colour = colour;
    this.height = table.width > 1 ? (table.width > 4 ? 22 : 28) : 36;
  }

  value(row) { return this.table.values[row * this.table.width + this.index]; }

  draw(g, box, scale, palette) {
    const [low, high] = this.range, pad = 3;
    const y = value => box.top + pad + (box.height - 2 * pad) * (high - value) / (high - low);
    if (low < 0 && high > 0) {
      g.strokeStyle = palette.line;
      g.lineWidth = 1;
      g.beginPath();
      g.moveTo(box.left, Math.round(y(0)) + 0.5);
      g.lineTo(box.left + box.width, Math.round(y(0)) + 0.5);
      g.stroke();
    }
    g.strokeStyle = palette.curves[this.colour] ?? palette.accent;
    g.lineWidth = 1.5;
    g.lineJoin = "round";
    g.beginPath();
    this.trace(g, scale, y);
    g.stroke();
  }

  // With many rows per pixel, one line from the least to the largest of each pixel.
  trace(g, scale, y) {
    const [first, stop] = visibleRows(this.times, scale);
    let isDown = false, pixel = NaN, low = 0, high = 0;
    const flush = () => { if (high > low) { g.lineTo(pixel, y(low)); g.lineTo(pixel, y(high)); } };
    for (let row = first; row < stop; row++) {
      const value = this.value(row);
      if (!Number.isFinite(value)) { flush(); isDown = false; pixel = NaN; high = low = 0; continue; }
      const x = scale.x(this.times[row]);
      if (isDown && Math.abs(x - pixel) < 0.5) { low = Math.min(low, value); high = Math.max(high, value); continue; }
      flush();
      if (isDown) g.lineTo(x, y(value)); else { g.moveTo(x - (stop - first === 1 ? 3 : 0), y(value)); g.lineTo(x + (stop - first === 1 ? 3 : 0), y(value)); }
      isDown = true;
      pixel = x; low = high = value;
    }
    flush();
  }

  at(time) {
    const row = nearest(this.times, time);
    return row < 0 ? null : numberText(this.value(row));
  }
}

// Many numbers per row: a stripe each, pale at its least, full at its largest value.
class StripeLane {
  constructor(column, table, times) {
    this.key = column.name;
    this.label = `${column.name} (${table.width})`;
    this.table = table;
    this.times = times;
    this.ranges = Array.from({ length: table.width }, (_, index) => rangeOf(table, index));
    this.stripe = table.width > 32 ? 4 : 6;
    this.height = table.width * this.stripe + 4;
  }

  draw(g, box, scale, palette) {
    const { values, width } = this.table;
    const [first, stop] = visibleRows(this.times, scale);
    g.fillStyle = palette.accent;
    let done = -Infinity;
    for (let row = first; row < stop; row++) {
      // Whole pixels, each drawn once: colours that overlap would look like other values.
      const from = Math.max(Math.round(scale.x(this.times[row])), done);
      const right = Math.min(Math.round(scale.x(rowStop(this.times, row))), box.left + box.width);
      if (right <= from) continue;
      for (let index = 0; index < width; index++) {
        const value = values[row * width + index], [low, high] = this.ranges[index];
        if (!Number.isFinite(value)) continue;
        g.globalAlpha = 0.06 + 0.94 * (value - low) / (high - low);
        g.fillRect(from, box.top + 2 + index * this.stripe, right - from, this.stripe - 1);
      }
      done = right;
    }
    g.globalAlpha = 1;
  }

  at(time, y) {
    const row = nearest(this.times, time);
    const index = clamp(Math.floor(((y ?? 2) - 2) / this.stripe), 0, this.table.width - 1);
    return row < 0 ? null : `${index}: ${numberText(this.table.values[row * this.table.width + index])}`;
  }
}

// Columns whose curves are compared with each other share one scale.
function sharesScale(name) { return name.startsWith("action"); }

const CURVE_COLOURS = { progress: "progress", reward_dense: "dense", reward_sparse: "sparse" };

function columnLanes(column, times) {
  if (column.kind === "bands") return [new BandLane(column, times)];
  if (column.kind !== "curves") return [];
  const table = unpack(column.values);
  if (table.width > MOST_CURVE_LANES) return [new StripeLane(column, table, times)];
  const shared = sharesScale(column.name) ? rangeOf(table, null) : null;
  return Array.from({ length: table.width }, (_, index) => {
    const range = column.name === "progress" ? [0, 1] : shared ?? rangeOf(table, index);
    return new CurveLane(column, table, index, times, range, CURVE_COLOURS[column.name] ?? "other");
  });
}
