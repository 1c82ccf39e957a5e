// The timeline: lanes over time, a cursor, values under the pointer; a click goes there.

const RULER_PX = 22;
const LANE_GAP_PX = 3;
const LEAST_SPAN_SECONDS = 0.05;

function tickStep(spanSeconds, widthPx) {
  const rough = spanSeconds * 80 / Math.max(widthPx, 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  const steps = rough > 10 ? [15, 30, 60, 120, 300, 600, 1800, 3600] : [1, 2, 5, 10].map(step => step * power);
  return steps.find(step => step >= rough) ?? steps[steps.length - 1];
}

class Timeline {
  constructor(frame, onSeek) {
    this.frame = frame;
    this.lanesCanvas = frame.querySelector("#lanes");
    this.cursorCanvas = frame.querySelector("#cursor");
    this.tooltip = frame.querySelector("#tooltip");
    this.onSeek = onSeek;
    this.show([], 0, 0, []);
    this.time = 0;
    this.pointer = null;
    new ResizeObserver(() => this.draw()).observe(frame);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
    this.listen();
  }

  show(lanes, firstSeconds, endSeconds, marks) {
    this.lanes = lanes;
    this.marks = marks;  // what was found at a time, of no view in particular
    this.start = this.stop = this.first = this.end = 0;
    this.bound(firstSeconds, endSeconds);
  }

  // Set what can be shown; what is shown stays, but for all of it, which goes on to be all.
  bound(firstSeconds, endSeconds) {
    const isAll = this.start === this.first && this.stop === this.end;
    this.first = firstSeconds;
    this.end = Math.max(endSeconds, firstSeconds + LEAST_SPAN_SECONDS);
    const span = isAll ? this.end - this.first : Math.min(this.stop - this.start, this.end - this.first);
    this.start = isAll ? this.first : clamp(this.start, this.first, this.end - span);
    this.stop = isAll ? this.end : this.start + span;
  }

  setLanes(lanes) { this.lanes = lanes; this.draw(); }

  zoom(factor, around = this.time) {
    const all = this.end - this.first;
    const span = clamp((this.stop - this.start) * factor, Math.min(LEAST_SPAN_SECONDS, all), all);
    const share = (around - this.start) / (this.stop - this.start);
    this.start = clamp(around - span * clamp(share, 0, 1), this.first, this.end - span);
    this.stop = span === all ? this.end : this.start + span;
    this.draw();
  }

  pan(seconds) {
    const span = this.stop - this.start;
    this.start = clamp(this.start + seconds, this.first, this.end - span);
    this.stop = this.start + span;
    this.draw();
  }

  // Where things are: gutters for names and values, none on a narrow screen.
  layout() {
    const width = this.frame.clientWidth, isNarrow = width < 620;
    const left = isNarrow ? 10 : 118, right = isNarrow ? 10 : 84;
    let top = RULER_PX;
    this.boxes = this.lanes.map(lane => {
      top += isNarrow ? 12 : 0;  // the name stands above
      const box = { left, top, width: width - left - right, height: lane.height };
      top += lane.height + LANE_GAP_PX;
      return box;
    });
    return { width, height: top + 5, left, right, isNarrow };
  }

  x(time) {
    const { left, right, width } = this.size;
    return left + (time - this.start) / (this.stop - this.start) * (width - left - right);
  }

  timeAt(x) {
    const { left, right, width } = this.size;
    return clamp(this.start + (x - left) / Math.max(width - left - right, 1) * (this.stop - this.start), this.first, this.end);
  }

  palette() {
    const style = getComputedStyle(document.documentElement);
    const colour = name => style.getPropertyValue(`--${name}`).trim();
    return {
      ink: colour("ink"), muted: colour("muted"), line: colour("line"), bar: colour("bar"), accent: colour("accent"),
      good: colour("good"), warn: colour("warn"), bad: colour("bad"), bandInk: colour("band-ink"),
      bands: Array.from({ length: 8 }, (_, index) => colour(`band-${index}`)),
      curves: { progress: colour("accent"), dense: colour("dense"), sparse: colour("sparse"), other: colour("curve") },
    };
  }

  sized(canvas) {
    const ratio = devicePixelRatio || 1, { width, height } = this.size;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    canvas.style.height = `${height}px`;
    const g = canvas.getContext("2d");
    g.scale(ratio, ratio);
    g.font = `11px ${getComputedStyle(document.body).fontFamily}`;
    g.textBaseline = "middle";
    return g;
  }

  draw() {
    this.size = this.layout();
    this.frame.style.height = `${this.size.height}px`;
    if (!this.size.width) return;
    const g = this.sized(this.lanesCanvas), palette = this.palette();
    this.drawRuler(g, palette);
    this.lanes.forEach((lane, index) => this.drawLane(g, lane, this.boxes[index], palette));
    this.cursor = this.sized(this.cursorCanvas);
    this.colours = palette;
    this.drawCursor(this.time);
  }

  drawRuler(g, palette) {
    const { width, height, left, right } = this.size;
    const step = tickStep(this.stop - this.start, width - left - right);
    const digits = step >= 1 ? 0 : Math.ceil(-Math.log10(step) - 1e-9);
    g.textAlign = "center";
    for (let tick = Math.ceil(this.start / step); tick * step <= this.stop + 1e-9; tick++) {
      const x = Math.round(this.x(tick * step)) + 0.5;
      g.fillStyle = palette.line;
      g.fillRect(x - 0.5, RULER_PX - 6, 1, height - RULER_PX);
      g.fillStyle = palette.muted;
      g.fillText(secondsText(tick * step, digits) + (tick === 0 ? " s" : ""), clamp(x, 12, width - 14), 7);
    }
    for (const mark of this.marks) drawMark(g, this.x(mark.time), RULER_PX - 1, mark.isFault ? palette.bad : palette.warn);
  }

  drawLane(g, lane, box, palette) {
    g.textAlign = this.size.isNarrow ? "left" : "right";
    g.fillStyle = palette.muted;
    const at = this.size.isNarrow ? [box.left, box.top - 6] : [box.left - 10, box.top + box.height / 2];
    g.fillText(shortened(g, lane.label, this.size.isNarrow ? box.width : box.left - 16), ...at);
    g.save();
    g.beginPath();
    g.rect(box.left - 6, box.top - 2, box.width + 12, box.height + 4);
    g.clip();
    g.textAlign = "left";
    lane.draw(g, box, { start: this.start, stop: this.stop, x: time => this.x(time) }, palette);
    g.restore();
  }

  drawCursor(time) {
    this.time = time;
    if (!this.cursor) return;
    const g = this.cursor, { width, height, left, right, isNarrow } = this.size;
    g.clearRect(0, 0, width, height);
    if (this.pointer) {
      g.fillStyle = this.colours.muted;
      g.fillRect(Math.round(this.pointer.x), 14, 1, height - 14);
    }
    const x = this.x(time);
    if (x >= left - 1 && x <= width - right + 1) {
      g.fillStyle = this.colours.ink;
      g.fillRect(Math.round(x) - 0.5, 14, 1.5, height - 14);
      g.beginPath();
      g.moveTo(x - 5, 12); g.lineTo(x + 5, 12); g.lineTo(x, 19);
      g.fill();
    }
    g.textAlign = "left";
    g.fillStyle = this.colours.ink;
    if (isNarrow) return;
    this.lanes.forEach((lane, index) => {
      const box = this.boxes[index], value = lane.at(time);
      const text = lane instanceof ViewLane || lane instanceof StripeLane || value === null ? "" : value;
      g.fillText(shortened(g, text, right - 12), box.left + box.width + 10, box.top + box.height / 2);
    });
  }

  listen() {
    const canvas = this.cursorCanvas;
    const place = event => {
      const box = canvas.getBoundingClientRect();
      return { x: event.clientX - box.left, y: event.clientY - box.top };
    };
    canvas.addEventListener("pointerdown", event => {
      if (event.button) return;
      canvas.setPointerCapture(event.pointerId);
      this.isDragged = true;
      this.onSeek(this.timeAt(place(event).x));
    });
    canvas.addEventListener("pointermove", event => {
      this.pointer = place(event);
      if (this.isDragged) this.onSeek(this.timeAt(this.pointer.x));
      this.tell();
    });
    for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, () => { this.isDragged = false; });
    canvas.addEventListener("pointerleave", () => { this.pointer = null; this.tell(); });
    canvas.addEventListener("wheel", event => {
      if (event.ctrlKey || event.metaKey) this.zoom(2 ** (event.deltaY / 200), this.timeAt(place(event).x));
      else if (event.deltaX && this.stop - this.start < this.end - this.first) this.pan(event.deltaX * (this.stop - this.start) / this.size.width);
      else return;
      event.preventDefault();
    }, { passive: false });
  }

  // The value of the lane under the pointer, and what was found near it.
  tell() {
    this.drawCursor(this.time);
    this.tooltip.hidden = !this.pointer;
    if (!this.pointer) return;
    const { x, y } = this.pointer, time = this.timeAt(x);
    const lines = [`${secondsText(time)} s`];
    const index = this.boxes.findIndex(box => y >= box.top && y < box.top + box.height + LANE_GAP_PX);
    const lane = this.lanes[index];
    const value = lane ? lane.at(time, y - this.boxes[index].top) : null;
    if (value !== null) lines.push(`${lane.label}: ${value}`);
    for (const mark of [...this.marks, ...(lane?.marks ?? [])])
      if (Math.abs(this.x(mark.time) - x) < 6) lines.push(mark.text);
    this.tooltip.replaceChildren(...lines.map(line => element("div", {}, line)));
    const room = this.size.width - this.tooltip.offsetWidth - 4;
    this.tooltip.style.left = `${clamp(x + 12, 4, Math.max(room, 4))}px`;
    this.tooltip.style.top = `${y + 16}px`;
  }
}

function shortened(g, text, widthPx) {
  if (g.measureText(text).width <= widthPx) return text;
  let kept = text;
  while (kept && g.measureText(kept + "…").width > widthPx) kept = kept.slice(0, -1);
  return kept + "…";
}
