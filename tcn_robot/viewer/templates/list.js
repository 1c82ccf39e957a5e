// The list of episodes: only the rows on the screen exist, and only their stills are loaded.

const ROW_PX = 58;
const SPARE_ROWS = 4;
// How the list can be ordered: what an episode is measured by, the largest first.
const ORDERS = {
  id: ["by id", () => 0],
  findings: ["most findings first", (list, number) => { const { faults = 0, notes = 0 } = list.foundIn(number); return 1000 * faults + notes; }],
  longest: ["longest first", (list, number) => list.value("seconds", number) ?? 0],
  shortest: ["shortest first", (list, number) => -(list.value("seconds", number) ?? 0)],
};
const STILL_AFTER_MILLISECONDS = 90;

class EpisodeList {
  constructor(content, onOpen) {
    this.content = content;
    this.columns = content.episodes;
    this.length = this.columns.id.length;
    this.listed = new Set(this.columns.id);
    this.found = new Map(content.results?.map(([id, faults, notes]) => [id, { faults, notes }]));
    this.onOpen = onOpen;
    this.frame = byId("list");
    this.rows = byId("rows");
    this.made = new Map();
    this.selected = -1;  // number of an episode in the columns
    this.texts = this.columns.id.map((_, number) => this.textOf(number));
    this.fillFilters();
    this.frame.addEventListener("scroll", () => this.draw());
    new ResizeObserver(() => this.draw()).observe(this.frame);
    this.frame.addEventListener("click", event => {
      const row = event.target.closest("[data-number]");
      if (row) this.onOpen(Number(row.dataset.number));
    });
    this.filter();
  }

  // What is the same for all episodes need not stand in each row.
  varies(name) {
    this.variety ??= {};
    return this.variety[name] ??= new Set(this.columns[name]).size > 1;
  }

  value(name, number) { return this.columns[name][number]; }

  textOf(number) {
    return ["id", "split", "policy", "body", "note", "damage"]
      .map(name => this.columns[name][number] ?? "").join(" ").toLowerCase();
  }

  fillFilters() {
    const options = (id, all, values) => {
      byId(id).replaceChildren(...[["", all], ...values].map(([value, text]) => element("option", { value }, text)));
      byId(id).hidden = values.length < 2;
    };
    const different = name => [...new Set(this.columns[name])].filter(value => value !== "").sort();
    options("filter-split", "all splits", different("split").map(name => [name, name]));
    options("filter-policy", "all policies", different("policy").map(name => [name, name]));
    const outcomes = [["true", "success"], ["false", "no success"], ["null", "not known"]];
    const known = new Set(this.columns.success.map(String));
    options("filter-success", "any outcome", outcomes.filter(([value]) => known.has(value)));
    options("filter-found", "any finding", [["faulty", "faulty"], ["notes", "with notes"], ["marks", "marked"], ["clean", "nothing found"]]);
    byId("order").replaceChildren(...Object.entries(ORDERS).map(([value, [text]]) => element("option", { value }, text)));
    byId("order").addEventListener("input", () => { this.frame.scrollTop = 0; this.filter(); });
    for (const name of ["text", "split", "success", "policy", "found"])
      byId(`filter-${name}`).addEventListener("input", () => { this.frame.scrollTop = 0; this.filter(); });
  }

  filter() {
    const chosen = name => byId(`filter-${name}`).value;
    const words = chosen("text").toLowerCase().split(/\s+/).filter(Boolean);
    const split = chosen("split"), success = chosen("success"), policy = chosen("policy"), found = chosen("found");
    this.shown = [];
    for (let number = 0; number < this.length; number++) {
      if (split && this.value("split", number) !== split) continue;
      if (policy && this.value("policy", number) !== policy) continue;
      if (success && String(this.value("success", number)) !== success) continue;
      if (found && !this.has(number, found)) continue;
      if (words.length && !words.every(word => this.matches(number, word))) continue;
      this.shown.push(number);
    }
    const size = ORDERS[byId("order").value][1];
    const sizes = new Map(this.shown.map(number => [number, size(this, number)]));
    this.shown.sort((one, other) => sizes.get(other) - sizes.get(one));  // equal ones stay in order
    const all = countText(this.length, "episode");
    setText(byId("count"), this.shown.length === this.length ? all : `${this.shown.length.toLocaleString("en")} of ${all}`);
    this.draw();
  }

  // "#12" is the episode 12 and no other.
  matches(number, word) {
    return word.startsWith("#") ? `#${this.value("id", number)}` === word : this.texts[number].includes(word);
  }

  foundIn(number) { return this.found.get(this.value("id", number)) ?? {}; }

  has(number, found) {
    const { faults = 0, notes = 0 } = this.foundIn(number);
    const isFaulty = faults > 0 || this.value("damage", number) !== null;
    if (found === "faulty") return isFaulty;
    if (found === "notes") return notes > 0;
    if (found === "marks") return this.value("marks", number) > 0;
    return this.found.has(this.value("id", number)) && !isFaulty && !notes && !this.value("marks", number);
  }

  // What `check` has found meanwhile, (id, faults, notes) each.
  learn(news) {
    const listed = news.filter(([id]) => this.listed.has(id));  // others are gone, or came later
    for (const [id, faults, notes] of listed) this.found.set(id, { faults, notes });
    if (!listed.length) return;
    const ids = new Set(listed.map(([id]) => id));
    for (const [number, row] of this.made)
      if (ids.has(this.value("id", number))) { row.remove(); this.made.delete(number); }
    const isConcerned = byId("filter-found").value || byId("order").value === "findings";
    if (isConcerned) this.filter(); else this.draw();
  }

  draw() {
    this.rows.style.height = `${this.shown.length * ROW_PX}px`;
    const first = Math.max(Math.floor(this.frame.scrollTop / ROW_PX) - SPARE_ROWS, 0);
    const stop = Math.min(Math.ceil((this.frame.scrollTop + this.frame.clientHeight) / ROW_PX) + SPARE_ROWS, this.shown.length);
    const wanted = new Map();
    for (let place = first; place < stop; place++) wanted.set(this.shown[place], place);
    for (const [number, row] of this.made)
      if (!wanted.has(number)) { row.remove(); this.made.delete(number); }
    for (const [number, place] of wanted) {
      if (!this.made.has(number)) {
        this.made.set(number, this.makeRow(number));
        this.rows.append(this.made.get(number));
      }
      const row = this.made.get(number);
      row.style.top = `${place * ROW_PX}px`;
      row.setAttribute("aria-selected", String(number === this.selected));
      row.setAttribute("aria-posinset", String(place + 1));
      row.setAttribute("aria-setsize", String(this.shown.length));
    }
    if (wanted.has(this.selected)) this.frame.setAttribute("aria-activedescendant", `row-${this.selected}`);
    else this.frame.removeAttribute("aria-activedescendant");
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.loadStills(), STILL_AFTER_MILLISECONDS);
  }

  loadStills() {
    for (const [number, row] of this.made) {
      const still = row.querySelector("img");
      if (still && !still.getAttribute("src")) still.src = posterAddress(this.content, this.value("id", number));
    }
  }

  makeRow(number) {
    const value = name => this.value(name, number);
    const still = element("img", { alt: "", draggable: false });
    still.addEventListener("error", () => still.classList.add("absent"));
    const title = element("b", {}, `${value("id")}`);
    const seconds = value("seconds");
    const facts = [this.varies("split") ? value("split") : "", seconds === null ? "" : `${secondsText(seconds, 1)} s`,
      value("note"), this.varies("body") ? value("body") : ""];
    return element("div", { class: "row", id: `row-${number}`, role: "option", "data-number": String(number) },
      element("span", { class: "still" }, still),
      element("span", { class: "about" },
        element("span", { class: "first" }, title, element("span", {}, value("policy") || (value("damage") === null ? "" : "damaged"))),
        element("span", { class: "second" }, facts.filter(Boolean).join(" · "))),
      this.badges(number));
  }

  badges(number) {
    const { faults = 0, notes = 0 } = this.foundIn(number);
    const marks = this.value("marks", number) ?? 0, success = this.value("success", number);
    const badge = (name, text, title) => element("i", { class: name, title }, text);
    const isDamaged = this.value("damage", number) !== null && !faults;
    return element("span", { class: "badges" },
      faults || isDamaged ? badge("bad", String(faults || "!"), faults ? countText(faults, "fault") : "damaged") : null,
      notes + marks ? badge("warn", String(notes + marks), "notes and marks") : null,
      success === null ? null : badge(success ? "success" : "failure", success ? "✓" : "✗", success ? "success" : "no success"));
  }

  select(number) {
    this.selected = number;
    const place = this.shown.indexOf(number);
    if (place >= 0) {
      const top = place * ROW_PX, bottom = top + ROW_PX, height = this.frame.clientHeight;
      if (top < this.frame.scrollTop) this.frame.scrollTop = top;
      else if (bottom > this.frame.scrollTop + height) this.frame.scrollTop = bottom - height;
    }
    this.draw();
  }

  // Number of the episode so many places on in what is shown; null at either end.
  beside(places) {
    const place = this.shown.indexOf(this.selected);
    if (place < 0) return this.shown[0] ?? null;
    return this.shown[place + places] ?? null;
  }
}

function folderName(id) { return `episode_${String(id).padStart(6, "0")}`; }

function posterAddress(content, id) { return `posters/${folderName(id)}.jpg${content.query}`; }

function dataAddress(content, id) { return `data/${folderName(id)}.js${content.query}`; }
