// The page: opens episodes, listens to keys, moves the clock.

const SPEEDS = [0.1, 0.25, 0.5, 1, 1.5, 2, 4];
const KEPT_EPISODES = 12;
const MOST_HELD_MILLISECONDS = 3000;
const NOTE_AFTER_MILLISECONDS = 300;
const ASK_AFTER_MILLISECONDS = 1500;

const content = JSON.parse(byId("content").textContent);
const clock = new Clock();
const viewer = {
  data: null, films: [], stepTimes: [], solo: -1, loaded: new Map(), waiting: new Map(),
  hiddenLanes: new Set(recall("hidden lanes", [])), shownLanes: new Set(recall("shown lanes", [])),
};
const timeline = new Timeline(byId("timeline"), time => seek(time));

// Called by the data file of an episode.
function showEpisodeData(data) {
  viewer.waiting.get(data.id)?.(data);
  viewer.waiting.delete(data.id);
}

function loadEpisode(id) {
  if (viewer.loaded.has(id)) return Promise.resolve(viewer.loaded.get(id));
  return new Promise((resolve, reject) => {
    const script = element("script", { src: dataAddress(content, id), charset: "utf-8" });
    viewer.waiting.set(id, data => {
      viewer.loaded.set(id, data);
      if (viewer.loaded.size > KEPT_EPISODES) viewer.loaded.delete(viewer.loaded.keys().next().value);
      resolve(data);
    });
    script.addEventListener("load", () => script.remove());
    script.addEventListener("error", () => { script.remove(); reject(new Error("its data cannot be loaded")); });
    document.head.append(script);
  });
}

async function open(number, time = null) {
  if (number === null || number === undefined) return;
  const id = list.value("id", number);
  const wasPlaying = clock.playing;
  list.select(number);
  viewer.opening = id;
  document.body.classList.remove("side-open");
  history.replaceState(null, "", `#${id}`);
  document.body.classList.add("loading");
  let data;
  try { data = await loadEpisode(id); } catch (error) { data = { id, problems: [String(error.message)], views: [], columns: [] }; }
  if (viewer.opening !== id) return;  // another one was opened meanwhile
  document.body.classList.remove("loading");
  show(data, number);
  if (Number.isFinite(time)) seek(time);
  if (wasPlaying) play();
  if (content.is_live && data.findings === undefined) await askFindings(data);
}

async function askFindings(data) {
  try {
    const answer = await fetch(`findings/${data.id}${content.query}`);
    data.findings = answer.ok ? await answer.json() : [{ kind: "not checked", is_fault: true, message: "it cannot be checked; load the page again" }];
    const faults = data.findings.filter(one => one.is_fault).length;
    if (answer.ok) list.learn([[data.id, faults, data.findings.length - faults]]);
  } catch { return; }  // the server has ended
  if (viewer.data === data) { showTimeline(true); details(); }
}

function show(data, number) {
  for (const film of viewer.films) film.unload();
  viewer.data = data;
  viewer.films = data.views.map((view, index) => new Film(view, index + 1, whyNotShown));
  viewer.reference = viewer.films[data.reference];
  if (viewer.solo >= viewer.films.length) viewer.solo = -1;
  viewer.stepTimes = data.step_times ? unpack(data.step_times).values : new Float64Array();
  byId("corrected-label").hidden = !data.views.some(view => view.offset_seconds);
  for (const film of viewer.films) film.correct(byId("corrected").checked);
  clock.reset(startOf(), endOf());
  byId("stage").replaceChildren(...viewer.films.map(film => film.figure));
  for (const film of viewer.films) film.load();
  heading(number);
  byId("problems").replaceChildren(...data.problems.map(text => element("p", {}, text)));
  solo(viewer.solo);
  laneButtons();
  showTimeline(false);
  details();
  setText(byId("of-time"), `/ ${secondsText(clock.end)} s`);
  viewer.began = Date.parse(data.started);
  playing();
}

// Why a browser has given up on a film.
async function whyNotShown(address) {
  if (!content.is_live) return "the film is not where the page expects it (was it moved without --copy?), or this browser cannot play it";
  try {
    const answer = await fetch(address, { headers: { Range: "bytes=0-0" } });
    return answer.ok ? "this browser cannot play the film" : await answer.text();
  } catch { return "the server has ended"; }
}

// A view whose delay is taken off may begin before the episode's first frame was seen.
function startOf() {
  return Math.min(0, ...viewer.films.filter(film => film.length).map(film => film.times[0]));
}

function endOf() {
  const ends = viewer.films.filter(film => film.length).map(film => film.times[film.length - 1]);
  if (viewer.stepTimes.length) ends.push(viewer.stepTimes[viewer.stepTimes.length - 1]);
  return Math.max(0, ...ends);
}

function heading(number) {
  const value = name => list.value(name, number);
  setText(byId("heading"), `Episode ${value("id")}`);
  document.title = `${value("id")} · ${content.name}`;
  const success = value("success");
  const chips = [["", value("split")], ["", value("policy")], ["", value("body")], ["warn", value("note")],
    success === null ? ["", ""] : success ? ["good", "success"] : ["bad", "no success"]];
  byId("chips").replaceChildren(...chips.filter(([, text]) => text).map(([name, text]) => element("span", { class: `chip ${name}` }, text)));
}

function details() { showDetails(byId("details"), viewer.data, (time, view) => { pause(); seek(time - delayOf(view)); }); }

function delayOf(view) { return viewer.films.find(film => film.name === view)?.delay ?? 0; }

function marks(view) {
  return (viewer.data.findings ?? [])
    .filter(one => typeof one.time_seconds === "number" && (one.view ?? null) === view)
    .map(one => ({ time: one.time_seconds - viewer.data.start_seconds - delayOf(view), isFault: one.is_fault, text: one.kind }));
}

function isLaneShown(column) {
  if (viewer.hiddenLanes.has(column.name)) return false;
  return column.is_shown || viewer.shownLanes.has(column.name);
}

function lanes() {
  const views = viewer.films.filter(film => film.length).map(film => new ViewLane(film, marks(film.name)));
  const columns = viewer.data.columns.filter(isLaneShown).flatMap(column => columnLanes(column, viewer.stepTimes));
  return [...views, ...columns];
}

function showTimeline(isSame) {
  if (!isSame) timeline.show(lanes(), clock.start, clock.end, marks(null));
  timeline.marks = marks(null);
  timeline.setLanes(lanes());
}

function laneButtons() {
  byId("lane-buttons").replaceChildren(...viewer.data.columns.map(column => {
    const isNone = column.kind === "none";
    const button = element("button", { type: "button", disabled: isNone, title: isNone ? column.why : "", "aria-pressed": String(!isNone && isLaneShown(column)) }, column.name);
    button.addEventListener("click", () => {
      const isShown = !isLaneShown(column);
      viewer[isShown ? "hiddenLanes" : "shownLanes"].delete(column.name);
      viewer[isShown ? "shownLanes" : "hiddenLanes"].add(column.name);
      remember("hidden lanes", [...viewer.hiddenLanes]);
      remember("shown lanes", [...viewer.shownLanes]);
      button.setAttribute("aria-pressed", String(isShown));
      showTimeline(true);
    });
    return button;
  }));
}

function seek(time) { clock.set(time); }

function playing() {
  document.body.classList.toggle("playing", clock.playing);
  byId("play").setAttribute("aria-label", clock.playing ? "Pause" : "Play");
}

function play() {
  if (!viewer.data || clock.end <= clock.start) return;
  if (clock.time >= clock.end) clock.set(clock.start);
  clock.play();
  playing();
}

function pause() { clock.pause(); playing(); }

// Go to a frame of the reference view, so many frames on.
function step(frames) {
  pause();
  const times = viewer.reference?.times ?? viewer.stepTimes;
  if (!times.length) return;
  const at = nearest(times, clock.time);
  // Between two frames one step leads to the nearest in that direction.
  const isBetween = Math.abs(times[at] - clock.time) > 1e-9 && (times[at] - clock.time) * frames > 0;
  seek(times[clamp(at + frames - (isBetween ? Math.sign(frames) : 0), 0, times.length - 1)]);
}

function setSpeed(speed) {
  clock.speed = speed;
  byId("speed").value = String(speed);
}

function changeSpeed(places) {
  setSpeed(SPEEDS[clamp(SPEEDS.indexOf(clock.speed) + places, 0, SPEEDS.length - 1)]);
}

function solo(index) {
  viewer.solo = index;
  viewer.films.forEach((film, number) => film.hide(index >= 0 && number !== index));
  arrange();
}

// As many columns as make the films largest.
function arrange() {
  const stage = byId("stage"), shown = viewer.films.filter(film => !film.isHidden);
  if (!shown.length) return;
  const width = stage.clientWidth, isNarrow = innerWidth < 720;
  const height = Math.max(innerHeight * (isNarrow ? 0.42 : 0.46), 200), caption = 30, gap = 10;
  const aspect = Math.max(...shown.map(film => film.view.width_px / film.view.height_px));
  const widthOf = columns => {
    const rows = Math.ceil(shown.length / columns);
    return Math.min((width - gap * (columns - 1)) / columns, ((height - gap * (rows - 1)) / rows - caption) * aspect);
  };
  const columns = shown.map((_, index) => index + 1).reduce((best, count) => widthOf(count) > widthOf(best) + 1 ? count : best, 1);
  const tile = Math.max(Math.floor(widthOf(columns)), 90);
  stage.style.gridTemplateColumns = `repeat(${columns}, ${tile}px)`;
  for (const film of shown) {
    const ratio = film.view.width_px / film.view.height_px;
    film.screen.style.height = `${Math.round(tile / aspect)}px`;
    film.screen.style.width = `${Math.round(tile / aspect * ratio)}px`;
    film.screen.classList.toggle("coarse", tile * devicePixelRatio > 2.5 * film.view.width_px);
  }
}

// Go to the next thing that was found at a time, or the one before.
function jump(direction) {
  if (!viewer.data) return;
  const times = [...marks(null), ...viewer.films.flatMap(film => [...marks(film.name),
    ...film.view.missing.map(([frame]) => ({ time: film.times[frame] })), ...film.view.late.map(frame => ({ time: film.times[frame] }))])]
    .map(mark => mark.time).sort((a, b) => direction * (a - b));
  const next = times.find(time => direction * (time - clock.time) > 1e-6);
  if (next !== undefined) { pause(); seek(next); }
}

let heldSince = null, drawn = "";

function tick(now) {
  requestAnimationFrame(tick);
  if (!viewer.data) return;
  const isStalled = clock.playing && viewer.films.some(film => film.isStalled(clock.time));
  heldSince = isStalled ? heldSince ?? now : null;
  let time = clock.read(now, isStalled && now - heldSince < MOST_HELD_MILLISECONDS);
  if (clock.playing && time >= clock.end) {
    if (byId("loop").checked) clock.set(clock.start); else { clock.set(clock.end); pause(); }
    time = clock.time;
  }
  for (const film of viewer.films) film.follow(time, clock.speed, clock.playing);
  const state = [time, viewer.data.id, ...viewer.films.map(film => film.frameShown())].join();
  if (state === drawn) return;
  drawn = state;
  if (!clock.playing) noteAddress();
  setText(byId("now"), secondsText(time));
  const moment = new Date(viewer.began + 1000 * time);
  setText(byId("clock-text"), Number.isNaN(moment.getTime()) ? "" : moment.toISOString().replace("T", " ").replace("Z", " UTC"));
  for (const film of viewer.films) film.tell(time);
  timeline.drawCursor(time);
}

const KEYS = {
  " ": () => clock.playing ? pause() : play(),
  ArrowRight: event => event.shiftKey ? (pause(), seek(clock.time + 1)) : step(1),
  ArrowLeft: event => event.shiftKey ? (pause(), seek(clock.time - 1)) : step(-1),
  ArrowUp: () => open(list.beside(-1)), p: () => open(list.beside(-1)),
  ArrowDown: () => open(list.beside(1)), n: () => open(list.beside(1)),
  Home: () => seek(clock.start), End: () => { pause(); seek(clock.end); },
  "+": () => changeSpeed(1), "=": () => changeSpeed(1), "-": () => changeSpeed(-1), "−": () => changeSpeed(-1),
  f: () => jump(1), F: () => jump(-1),
  "[": () => timeline.zoom(0.5), "]": () => timeline.zoom(2),
  l: () => byId("loop").click(), c: () => byId("corrected").click(),
  "0": () => solo(-1), "/": () => { document.body.classList.add("side-open"); byId("filter-text").focus(); },
  "?": () => byId("help").showModal(),
};

function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || byId("help").open) return;
  if (event.key === " " && event.target.closest?.("button, input, summary, select")) return;  // it is its own
  const isTyping = event.target.closest?.("input[type=search], select");
  if (isTyping) { if (event.key === "Escape") event.target.blur(); return; }
  if (event.key === "Escape") { document.body.classList.remove("side-open"); return; }
  const digit = /^[1-9]$/.test(event.key) ? Number(event.key) - 1 : -1;
  const action = digit >= 0 ? () => digit < viewer.films.length && solo(viewer.solo === digit ? -1 : digit)
    : KEYS[event.key] ?? KEYS[event.key.toLowerCase()];
  if (!action || event.repeat && event.key === " ") return;
  event.preventDefault();
  action(event);
}

function listen() {
  addEventListener("keydown", pressed);
  const on = (id, action) => byId(id).addEventListener("click", () => action());
  // After a click with the mouse the space bar plays; what the tab key has reached it works.
  addEventListener("click", event => {
    if (event.detail) setTimeout(() => { if (document.activeElement?.matches("button, summary, input[type=checkbox]")) document.activeElement.blur(); });
  });
  byId("filters").addEventListener("submit", event => {
    event.preventDefault();
    open(list.shown[0]);
    byId("filter-text").blur();
  });
  on("play", () => clock.playing ? pause() : play());
  on("back", () => step(-1));
  on("forward", () => step(1));
  on("to-start", () => seek(clock.start));
  on("to-end", () => { pause(); seek(clock.end); });
  on("previous", () => open(list.beside(-1)));
  on("next", () => open(list.beside(1)));
  on("help-button", () => byId("help").showModal());
  on("side-button", () => document.body.classList.toggle("side-open"));
  byId("speed").append(...SPEEDS.map(speed => element("option", { value: String(speed) }, `${speed}×`)));
  byId("speed").addEventListener("change", () => { setSpeed(Number(byId("speed").value)); byId("speed").blur(); });
  byId("corrected").addEventListener("change", () => {
    if (!viewer.data) return;
    for (const film of viewer.films) film.correct(byId("corrected").checked);
    clock.bound(startOf(), endOf());
    timeline.bound(clock.start, clock.end);
    setText(byId("of-time"), `/ ${secondsText(clock.end)} s`);
    drawn = "";
    showTimeline(true);
  });
  document.querySelector("main").addEventListener("click", event => {
    if (!event.target.closest("#side-button")) document.body.classList.remove("side-open");
  });
  byId("stage").addEventListener("dblclick", event => {
    const figure = event.target.closest("figure");
    if (figure) solo(viewer.solo >= 0 ? -1 : viewer.films.findIndex(film => film.figure === figure));
  });
  new ResizeObserver(() => arrange()).observe(byId("stage"));
  addEventListener("resize", () => arrange());
  addEventListener("hashchange", openFromAddress);
}

function numberOfId(id) { return content.episodes.id.indexOf(id); }

// "#12" or "#12@3.5": an episode, and when in it.
function openFromAddress() {
  const [, id, time] = /^#(\d+)(?:@(-?[\d.]+))?$/.exec(location.hash) ?? [];
  const number = id === undefined ? -1 : numberOfId(Number(id));
  if (list.length) open(number >= 0 ? number : 0, time === undefined ? null : Number(time));
  else setText(byId("heading"), "No episodes");
}

// The address leads here again: to the episode, and to the moment at which it stands still.
function noteAddress() {
  clearTimeout(viewer.noting);
  viewer.noting = setTimeout(() => {
    const time = clock.time !== clock.start ? `@${Number(clock.time.toFixed(3))}` : "";
    history.replaceState(null, "", `#${viewer.opening}${viewer.opening === viewer.data.id ? time : ""}`);
  }, NOTE_AFTER_MILLISECONDS);
}

function introduce() {
  setText(byId("dataset-name"), content.name);
  setText(byId("dataset-line"), content.task);
  const found = content.findings;
  byId("dataset-findings").hidden = !found.length;
  byId("dataset-findings").firstElementChild.textContent = `${countText(found.length, "finding")} about the dataset`;
  byId("dataset-findings").lastElementChild.append(...found.map(one => element("li", { class: one.is_fault ? "bad" : "warn" }, one.message)));
}

// Ask the server from time to time what `check` has found.
async function followChecks(known) {
  let answer;
  try { answer = await (await fetch(`findings${content.query || "?"}&since=${known}`)).json(); }
  catch { setText(byId("checking"), "the server has ended"); return; }
  list.learn(answer.news);
  const isDone = list.found.size >= list.length;
  setText(byId("checking"), isDone ? checkedText() : `checking: ${list.found.size.toLocaleString("en")} of ${countText(list.length, "episode")}`);
  if (!isDone) setTimeout(() => followChecks(answer.done), ASK_AFTER_MILLISECONDS);
}

function checkedText() {
  if (!list.length) return "nothing to check";
  const faulty = [...list.found.values()].filter(one => one.faults).length;
  const how = content.check === "full" ? "" : ", films not decoded";
  return `checked${how}: ${faulty ? `${faulty.toLocaleString("en")} faulty` : "no faults"}`;
}

introduce();
const list = new EpisodeList(content, number => open(number));
listen();
setSpeed(1);
openFromAddress();
requestAnimationFrame(tick);
if (content.check === "none") setText(byId("checking"), "not checked");
else if (content.is_live) followChecks(0);
else setText(byId("checking"), checkedText());
