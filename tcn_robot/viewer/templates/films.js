// One view: its film, kept at the frame whose measured time is nearest to the clock's.
//
// A film's own times are those of frames.parquet less the film's origin, but only the film's are
// asked for here: frame i is seen at times[i] and lies at filmTimes[i] in the film.

const HARD_SEEK_SECONDS = 0.25;  // beyond this a film jumps, below it hurries or waits
const CATCH_UP_SECONDS = 0.3;
const LEAST_RATE = 0.0625, MOST_RATE = 16;  // what browsers play
const MOST_TRIES = 3;  // to hit a frame; some browsers round times
const TRY_AGAIN_MILLISECONDS = 150;
const FIRST_FRAME_WAIT_MILLISECONDS = 400;

class Film {
  // whyNot(address) says why the browser has given up on a film.
  constructor(view, number, whyNot) {
    this.view = view;
    this.whyNot = whyNot;
    this.name = view.name;
    this.measured = unpack(view.times).values;
    this.filmTimes = unpack(view.film_times).values;
    this.times = this.measured;
    this.delay = 0;  // what is taken off them
    this.shift = 0;  // what this browser adds to a film's times
    this.shown = -1;  // frame on the screen
    this.wanted = -1;
    this.tries = 0;
    this.waitedSince = 0;
    this.isReady = false;
    this.isRunning = false;
    this.isHidden = false;
    this.build(number);
  }

  build(number) {
    this.video = element("video", { muted: true, playsInline: true, preload: "auto", disablePictureInPicture: true });
    this.message = element("p", { class: "message" });
    this.screen = element("div", { class: "screen" }, this.video, this.message);
    const { width_px: width, height_px: height } = this.view;
    // A preview of a film with an odd side has one more line, which is cut off here.
    this.video.style.width = `${100 * (width + (this.view.is_preview ? width % 2 : 0)) / width}%`;
    this.video.style.height = `${100 * (height + (this.view.is_preview ? height % 2 : 0)) / height}%`;
    this.frameText = element("span", { class: "frame" });
    this.errorText = element("span", { class: "error" });
    const title = element("b", { title: `${this.name}: alone with ${number}` }, this.name);
    this.figure = element("figure", { class: "view", "data-view": this.name }, this.screen,
      element("figcaption", {}, title, this.frameText, this.errorText));
    this.message.textContent = this.view.problem ?? "";
  }

  get length() { return this.times.length; }

  // Take an estimated delay off the measured times, or put it back.
  correct(isOn) {
    this.delay = isOn ? this.view.offset_seconds ?? 0 : 0;
    this.times = this.delay ? this.measured.map(time => time - this.delay) : this.measured;
  }

  load() {
    if (!this.view.film || !this.length) return;
    this.message.textContent = this.view.is_preview ? "a film for the browser is being made …" : "";
    this.video.addEventListener("loadeddata", () => this.calibrate(), { once: true });
    this.video.addEventListener("seeked", () => this.seekIfNeeded());
    this.video.addEventListener("error", async () => {
      if (this.video.getAttribute("src")) this.message.textContent = await this.whyNot(this.view.film);
    });
    this.video.src = this.view.film;
  }

  unload() {
    this.isReady = false;
    this.video.pause();
    this.video.removeAttribute("src");
    this.video.load();
  }

  // The first frame that is shown tells how this browser counts a film's time.
  calibrate() {
    this.message.textContent = "";
    const begin = mediaTime => {
      if (this.isReady || !this.video.getAttribute("src")) return;
      const shift = mediaTime === null ? 0 : mediaTime - this.filmTimes[0];
      this.shift = Math.abs(shift) <= this.filmTimes[0] + 1e-3 ? shift : 0;
      this.shown = 0;
      this.isReady = true;
      this.watchFrames();
      this.seekIfNeeded();
    };
    if (!this.video.requestVideoFrameCallback) { begin(null); return; }
    this.video.requestVideoFrameCallback((_, frame) => begin(frame.mediaTime));
    setTimeout(() => begin(null), FIRST_FRAME_WAIT_MILLISECONDS);
  }

  watchFrames() {
    if (!this.video.requestVideoFrameCallback) return;
    this.video.requestVideoFrameCallback((_, frame) => {
      this.shown = nearest(this.filmTimes, frame.mediaTime - this.shift);
      if (this.isReady) this.watchFrames();
    });
  }

  // The frame on the screen, as far as the browser tells.
  frameShown() {
    if (!this.isReady) return -1;
    if (this.video.requestVideoFrameCallback && (this.shown >= 0 || this.tries < MOST_TRIES)) return this.shown;
    return clamp(lastNotAfter(this.filmTimes, this.video.currentTime - this.shift), 0, this.length - 1);
  }

  gapAfter(frame) {
    const last = this.length - 1;
    if (last < 1) return 0.04;
    const from = Math.min(frame, last - 1);
    return this.filmTimes[from + 1] - this.filmTimes[from];
  }

  // Half way between neighbours the nearest frame changes; there, the film has to go on to it.
  edges(frame) {
    const last = this.length - 1, gap = this.gapAfter(frame);
    const low = frame > 0 ? (this.times[frame - 1] + this.times[frame]) / 2 : this.times[0] - gap / 2;
    const high = frame < last ? (this.times[frame] + this.times[frame + 1]) / 2 : this.times[last] + gap / 2;
    return [low, high];
  }

  // Where in the film the clock's time is, and how fast the film has to go there.
  placeAt(time) {
    const frame = nearest(this.times, time), gap = this.gapAfter(frame);
    const [low, high] = this.edges(frame);
    const share = clamp((time - low) / (high - low), 0, 1);
    return { filmTime: this.filmTimes[frame] + share * gap + this.shift, pace: gap / (high - low) };
  }

  covers(time) {
    return this.length > 0 && time >= this.edges(0)[0] && time < this.edges(this.length - 1)[1];
  }

  // Whether the film cannot go on yet although it should.
  isStalled(time) {
    return this.isReady && !this.isHidden && this.covers(time) && nearest(this.times, time) < this.length - 1
      && !this.video.error && (this.video.seeking || this.video.readyState < 3);
  }

  follow(time, speed, isPlaying) {
    if (!this.isReady || this.isHidden) return;
    const isInside = this.covers(time);
    this.figure.classList.toggle("outside", !isInside);
    if (!isPlaying || !isInside || nearest(this.times, time) === this.length - 1) {
      this.stop();
      this.show(nearest(this.times, time));
      return;
    }
    this.isRunning = true;
    this.wanted = -1;
    this.run(this.placeAt(time), speed);
  }

  run({ filmTime, pace }, speed) {
    if (this.video.seeking) return;
    const drift = this.video.currentTime - filmTime, usual = speed * pace;
    if (Math.abs(drift) > HARD_SEEK_SECONDS * Math.max(1, usual)) this.video.currentTime = filmTime;
    const urged = Math.abs(drift) < 0.004 ? usual : clamp(usual - drift / CATCH_UP_SECONDS, usual / 2, usual * 2);
    const rate = clamp(urged, LEAST_RATE, MOST_RATE);
    if (Math.abs(this.video.playbackRate - rate) > 0.03 * speed) this.video.playbackRate = rate;
    if (this.video.paused) this.video.play().catch(() => { /* paused again before it began */ });
  }

  // A film that is stopped may still show another frame or two; so it always seeks afterwards.
  stop() {
    if (!this.isRunning) return;
    this.isRunning = false;
    this.video.pause();
    this.shown = -1;
    this.wanted = this.sought = -1;
  }

  show(frame) {
    if (frame === this.wanted) {
      // The frame was asked for and another one came: ask again, at another moment of it.
      if (!this.video.seeking && this.frameShown() !== frame &&
          performance.now() - this.waitedSince > TRY_AGAIN_MILLISECONDS && this.tries < MOST_TRIES) this.seek();
      return;
    }
    this.wanted = frame;
    this.tries = 0;
    this.seekIfNeeded();
  }

  seekIfNeeded() {
    if (!this.isReady || this.wanted < 0 || this.video.seeking) return;
    if (this.tries > 0 && this.sought === this.wanted) return;
    if (this.frameShown() !== this.wanted) this.seek();
  }

  seek() {
    const gap = Math.min(this.gapAfter(this.wanted), 0.2);
    const share = [0.5, 0.25, 0.75][this.tries % MOST_TRIES];
    const isLast = this.wanted === this.length - 1;
    this.tries += 1;
    this.sought = this.wanted;
    this.waitedSince = performance.now();
    this.video.currentTime = this.filmTimes[this.wanted] + this.shift + (isLast ? Math.min(0.001, gap / 2) : gap * share);
  }

  hide(isHidden) {
    this.isHidden = isHidden;
    this.figure.hidden = isHidden;
    this.wanted = this.sought = -1;
    if (isHidden) this.stop();
  }

  // Say which frame is shown and how far its time is from the clock's.
  tell(time) {
    const frame = this.frameShown();
    setText(this.frameText, this.length ? `${frame < 0 ? "–" : frame} / ${this.length - 1}` : "");
    const isKnown = frame >= 0 && frame < this.length;
    const isOver = isKnown && !this.covers(time);
    setText(this.errorText, !isKnown ? "" :
      isOver ? (time < this.times[0] ? "not filmed yet" : "has ended") : `${signed(1000 * (this.times[frame] - time), 1)} ms`);
  }
}
