// The one clock that all views follow: seconds since the episode's first frame. It
// begins before that where a delay taken off a view's times makes them earlier.

const LONGEST_TICK_MILLISECONDS = 250;  // a page that was out of sight goes on where it was

class Clock {
  constructor() {
    this.speed = 1;
    this.reset(0, 0);
  }

  reset(startSeconds, endSeconds) {
    this.playing = false;
    this.time = startSeconds;
    this.bound(startSeconds, endSeconds);
    this.last = null;  // when it was last read, in the browser's milliseconds
  }

  // Go on to now and return the time; a clock that is held stands still.
  read(nowMilliseconds, held = false) {
    if (this.playing && this.last !== null && !held)
      this.time += Math.min(nowMilliseconds - this.last, LONGEST_TICK_MILLISECONDS) / 1000 * this.speed;
    this.last = nowMilliseconds;
    return this.time;
  }

  bound(startSeconds, endSeconds) {
    this.start = startSeconds;
    this.end = endSeconds;
    this.set(this.time);
  }

  set(time) { this.time = clamp(time, this.start, this.end); }

  play() { this.playing = true; this.last = null; }

  pause() { this.playing = false; }
}
