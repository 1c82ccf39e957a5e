// What is below the timeline: what was found, the views as they were recorded, facts.

function findingsList(findings, onSeek, startSeconds) {
  const items = findings.map(one => {
    const time = one.time_seconds === null || one.time_seconds === undefined ? null : one.time_seconds - startSeconds;
    const go = time === null ? null : element("button", { type: "button", class: "go" }, `${secondsText(time)} s`);
    go?.addEventListener("click", () => onSeek(time, one.view));
    return element("li", { class: one.is_fault ? "bad" : "warn" },
      element("b", {}, one.kind), one.view ? element("span", { class: "where" }, one.view) : null, go,
      element("span", { class: "what" }, one.message));
  });
  return element("ul", { class: "findings" }, ...items);
}

const VIEW_FACTS = [
  ["size", "size", value => value],
  ["frames", "frames", value => numberText(value)],
  ["fps", "fps", value => value === null ? "–" : value.toFixed(2)],
  ["late", "late", value => numberText(value)],
  ["missing", "missing", value => numberText(value)],
  ["gap_seconds", "gap", value => value === null ? "–" : `${(1000 * value).toFixed(0)} ms`],
  ["skew_seconds", "skew, 99 %", value => value === null ? "–" : `${(1000 * value).toFixed(1)} ms`],
  ["offset_seconds", "delay", (value, facts) => value === null ? "–" :
    `${signed(1000 * value, 0)} ± ${facts.offset_std_seconds === null ? "?" : (1000 * facts.offset_std_seconds).toFixed(0)} ms`],
];

function isFilmed(views) { return views.some(view => view.facts.skew_seconds !== null || view.facts.offset_seconds !== null); }

function viewTable(views) {
  const shown = VIEW_FACTS.filter(([name]) => views.some(view => view.facts[name] !== null));
  const head = element("tr", {}, element("th", {}, "view"), ...shown.map(([, title]) => element("th", {}, title)));
  const rows = views.map(view => element("tr", {}, element("td", {}, view.name),
    ...shown.map(([name, , text]) => element("td", { class: /late|missing/.test(name) && view.facts[name] ? "warn" : "" }, text(view.facts[name], view.facts)))));
  return element("div", { class: "scroll" },
    element("table", {}, element("thead", {}, head), element("tbody", {}, ...rows)));
}

function factList(facts) {
  return element("dl", {}, ...facts.map(([name, text]) => element("div", {}, element("dt", {}, name), element("dd", {}, text))));
}

function showDetails(place, data, onSeek) {
  const parts = [];
  const findings = data.findings;
  if (findings === undefined) parts.push(element("section", {}, element("h3", {}, "Check"), element("p", { class: "quiet" }, "being checked …")));
  else if (findings.length) parts.push(element("section", {}, element("h3", {}, "What was found"), findingsList(findings, onSeek, data.start_seconds)));
  if (data.marks?.length)
    parts.push(element("section", {}, element("h3", {}, "Marked when it was filmed"), element("ul", { class: "findings" },
      ...data.marks.map(mark => element("li", { class: "warn" }, element("span", { class: "what" }, mark))))));
  if (data.views.length) parts.push(element("section", { class: isFilmed(data.views) ? "wide" : "" }, element("h3", {}, "Views"), viewTable(data.views)));
  if (data.facts) parts.push(element("section", {}, element("h3", {}, "Episode"), factList(data.facts)));
  if (data.metadata)
    parts.push(element("details", {}, element("summary", {}, "episode.json"), element("pre", {}, JSON.stringify(data.metadata, null, 1))));
  place.replaceChildren(...parts);
}
