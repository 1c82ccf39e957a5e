// The one clock that all views follow: seconds since the episode's first frame.

const LONGEST_TICK_MILLISECONDS = 250;  // a page that was out of sight goes on where it was

class Clock {
  constructor() {
    this.speed = 1;
    this.reset(0);
  }

  reset(endSeconds) {
    this.end = endSeconds;
    this.playing = false;
    this.time = 0;
    this.last = null;  // when it was last read, in the browser's milliseconds
  }

  // Go on to now and return the time; a clock that is held stands still.
  read(nowMilliseconds, held = false) {
    if (this.playing && this.last !== null && !held)
      this.time += Math.min(nowMilliseconds - this.last, LONGEST_TICK_MILLISECONDS) / 1000 * this.speed;
    this.last = nowMilliseconds;
    return this.time;
  }

  set(time) { this.time = clamp(time, 0, this.end); }

  play() { this.playing = true; this.last = null; }

  pause() { this.playing = false; }
}
