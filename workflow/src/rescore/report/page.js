// Makes the details of a subtask when they are opened; each has its line of embedded data.
let lines;
const dataOf = (details) => {
  lines ??= document.getElementById("details").textContent.split("\n");
  return JSON.parse(lines[details.id.slice(1) - 1]);
};

// Rows of a subtask's curves, from a mean per model of each metric.
function points({ ladder, curves }) {
  return Object.entries(curves).flatMap(([metric, { mean, standard_error, n }]) =>
    rows(shared.models[ladder]).map((model, i) => ({ ...model, metric, title: metric.replaceAll("_", " "), mean: mean[i], standard_error: standard_error[i], n: Array.isArray(n) ? n[i] : n })),
  );
}

// Long names of rows have no room on a narrow screen.
function narrowed(spec, width) {
  if (width >= 450) return spec;
  const narrow = structuredClone(spec);
  const { y } = narrow.layer?.[0].encoding ?? {};
  if (y?.axis?.labelLimit) {
    Object.assign(y.axis, { labelLimit: width * 0.45, labelExpr: "split(datum.label, ' · ')", labelLineHeight: 11, labelFontSize: 10 });
    narrow.height *= 1.4;
  }
  return narrow;
}

function draw(place) {
  const details = place.closest("details");
  const { chart } = place.dataset;
  if (!details) return embed(place, narrowed(specs[chart], place.clientWidth), chart);
  const data = dataOf(details);
  const seeds = data.seeds.length ? data.seeds : [{ ...rows(shared.models[data.ladder])[0], share: "" }]; // Vega warns of an axis of nothing
  const chance = data.chance === null ? [] : [{ chance: data.chance }];
  return embed(place, { ...narrowed(specs[chart], place.clientWidth), datasets: { curve: points(data), seeds, chance, parts: data.parts } }, `${details.id}-${chart}`);
}

function table(className, heads, body) {
  const head = make("tr", {}, ...heads.map((each) => make("th", { scope: "col" }, each)));
  const laid = body.map((cells) => make("tr", {}, ...cells.map((cell, at) => {
    if (at) cell.dataset.title = heads[at];
    return cell;
  })));
  return make("div", { className: "scroll" }, make("table", { className }, make("thead", {}, head), make("tbody", {}, ...laid)));
}

// The three answers, each with its number and what that is held against.
function answers({ replies }) {
  const body = replies.map(([answer, said], at) => {
    const [question, bar] = shared.questions[at];
    return make("tr", {}, make("th", { scope: "row" }, question), make("td", {}, make("b", {}, answer)), make("td", {}, said), make("td", { className: "muted" }, said && bar));
  });
  if (!body.length) return "";
  const note = make("p", { className: "muted" }, "In brackets: 90% intervals. Bars in the charts: 95% intervals of a model.");
  return make("div", {}, make("table", { className: "replies" }, make("tbody", {}, ...body)), note);
}

// What is known of each metric's curve; columns without a value are left out.
function verdicts({ verdicts: found }) {
  const heads = ["Metric", "Verdict", "First mean", "Last mean", "The cliff under it", "Why"];
  const shown = heads.map((_, at) => at).filter((at) => found.some((row) => row[at] !== null && row[at] !== ""));
  const mean = (at) => at === 2 || at === 3;
  const text = (value, at) => (mean(at) ? number(value === null ? null : Number(value)) : (value ?? "–"));
  const body = found.map((row) => shown.map((at) => make(at ? "td" : "th", { className: mean(at) ? "number" : "" }, text(row[at], at))));
  return table("numbers stack", shown.map((at) => heads[at]), body);
}

// Three questions with their right answers, and what a model of each size said to them.
function said({ ladder, answers: { questions, said: found } }) {
  if (!found.length) return "";
  const { model: names, ...places } = shared.models[ladder];
  const [axis] = Object.values(places);
  const asked = questions.map(([question, target]) => make("li", {}, make("bdi", {}, question), " – right: ", make("bdi", { className: "same" }, target)));
  const body = found.map(([model, ...words]) => [
    make("th", { scope: "row", title: model }, number(axis[names.indexOf(model)])),
    ...words.map(([each, right]) => make("td", { className: right ? "same" : "" }, make("bdi", {}, each || "(nothing)")))]);
  return make("div", {}, make("h4", {}, "What the models said"), make("ol", { className: "asked" }, ...asked), table("said", [shared.axis, ...questions.map((_, at) => `to ${at + 1}`)], body));
}

function fill(details) {
  if (!details.open || details.querySelector(".charts")) return;
  const name = details.querySelector("bdi").textContent;
  const data = dataOf(details);
  const place = (chart) => {
    const made = make("div", { className: `chart ${chart === "parts" ? "bar" : ""}`, role: "group", ariaLabel: `${specs[chart].title.text}: ${name}` });
    made.dataset.chart = chart;
    return made;
  };
  details.append(
    data.meaning ? make("p", {}, data.meaning) : "",
    answers(data),
    data.reason ? make("p", { className: "reason" }, make("b", {}, "Why: "), `${data.reason}.`) : "",
    ...data.flags.map((flag) => make("p", { className: "flag" }, `⚑ ${flag}`)),
    ...data.notes.map((note) => make("p", { className: "muted" }, note)),
    data.parts.length ? place("parts") : "",
    make("div", { className: "charts" }, ...data.charts.map(place)),
    said(data), verdicts(data), make("p", {}, make("a", { href: "#top" }, "Back to the top")));
  details.querySelectorAll(".chart").forEach(draw);
}

// A link to a subtask opens it.
function follow() {
  const details = document.getElementById(location.hash.slice(1));
  if (!details?.matches("details")) return;
  details.open = true;
  fill(details);
  details.scrollIntoView({ behavior: "instant" });
  details.querySelector("summary").focus({ preventScroll: true });
}

document.addEventListener("toggle", ({ target }) => target.matches(".subtask") && fill(target), true);
addEventListener("load", () => setTimeout(() => document.querySelectorAll("main > .side .chart").forEach(draw))); // once the first screen stands
addEventListener("hashchange", follow);
document.addEventListener("click", ({ target }) => target.closest?.(`a[href="${location.hash}"]`) && follow()); // the same link again
dark.addEventListener("change", () => [...drawn.keys()].forEach(draw));
follow();
