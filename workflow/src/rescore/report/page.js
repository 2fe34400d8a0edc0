// Makes charts and tables of a subtask when its details are opened; its rows are embedded once.
const models = read("models");

// Rows of a subtask's curves, from a mean per model of each metric.
function points({ ladder, curves }) {
  return Object.entries(curves).flatMap(([metric, { mean, standard_error, n }]) =>
    rows(models[ladder]).map((model, i) => ({ ...model, metric, title: metric.replaceAll("_", " "), mean: mean[i], standard_error: standard_error[i], n: Array.isArray(n) ? n[i] : n })),
  );
}

// Long names of rows leave a narrow screen no room for bars.
function narrowed(spec, width) {
  const narrow = structuredClone(spec);
  const axis = narrow.layer?.[0].encoding?.y?.axis;
  if (axis?.labelLimit && width < 600) axis.labelLimit = width / 3;
  return narrow;
}

function draw(place) {
  const details = place.closest("details");
  const { chart } = place.dataset;
  if (!details) return embed(place, narrowed(specs[chart], place.clientWidth), chart);
  const data = JSON.parse(details.querySelector("script").textContent);
  const seeds = data.seeds.length ? data.seeds : [{ ...rows(models[data.ladder])[0], share: "" }]; // Vega warns of an axis of nothing
  return embed(place, { ...specs[chart], datasets: { curve: points(data), seeds, parts: data.parts } }, `${details.id}-${chart}`);
}

function table(className, heads, body) {
  const head = make("tr", {}, ...heads.map((each) => make("th", { scope: "col" }, each)));
  return make("div", { className: "scroll" }, make("table", { className }, make("thead", {}, head), make("tbody", {}, ...body)));
}

// What is known of each metric's curve; columns without a value are left out.
function verdicts({ verdicts: found }) {
  const heads = ["Metric", "Verdict", "First mean", "Last mean", "Draws with a cliff", "The cliff under it", "Why"];
  const shown = heads.map((_, at) => at).filter((at) => found.some((row) => row[at] !== null && row[at] !== ""));
  const body = found.map((row) => make("tr", {}, ...shown.map((at) => make("td", { className: at > 1 && at < 5 ? "number" : "" }, at > 1 && at < 5 ? number(row[at] === null ? null : Number(row[at])) : (row[at] ?? "–")))));
  return table("numbers", shown.map((at) => heads[at]), body);
}

// Three questions, and what a model of each size said to them.
function said({ ladder, answers: { questions, said: found } }) {
  if (!found.length) return "";
  const { model: names, ...places } = models[ladder];
  const [axis] = Object.values(places);
  const heads = ["Size", ...questions.map(([question]) => question)];
  const targets = make("tr", { className: "target" }, make("th", { scope: "row" }, "right answer"), ...questions.map(([, target]) => make("td", {}, make("bdi", {}, target))));
  const body = found.map(([model, ...words]) => make("tr", {},
    make("th", { scope: "row", title: model }, number(axis[names.indexOf(model)])),
    ...words.map((each, at) => make("td", { className: each === questions[at][1] ? "same" : "" }, make("bdi", {}, each || "(nothing)")))));
  return make("div", {}, make("h4", {}, "What the models said"), table("said", heads, [targets, ...body]));
}

function fill(details) {
  if (!details.open || details.querySelector(".charts")) return;
  const name = details.querySelector("bdi").textContent;
  const data = JSON.parse(details.querySelector("script").textContent);
  const charts = [...(data.parts.length ? ["parts"] : []), ...data.charts];
  const places = charts.map((chart) => {
    const place = make("div", { className: `chart ${chart === "parts" ? "bar" : ""}`, role: "group", ariaLabel: `${specs[chart].title?.text ?? "Parts of the climb"}: ${name}` });
    place.dataset.chart = chart;
    return place;
  });
  const bars = places.filter((place) => place.dataset.chart === "parts");
  details.append(...bars, make("div", { className: "charts" }, ...places.filter((place) => !bars.includes(place))), said(data), verdicts(data), make("p", {}, make("a", { href: "#top" }, "Back to the top")));
  places.forEach(draw);
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

const more = document.getElementById("matrix-more");
more?.addEventListener("click", () => {
  document.querySelector("#matrix tbody[hidden]").hidden = false;
  more.remove();
});
document.addEventListener("toggle", ({ target }) => target.matches(".subtask") && fill(target), true);
addEventListener("load", () => document.querySelectorAll("main > .side .chart").forEach(draw)); // after what needs no library
addEventListener("hashchange", follow);
document.addEventListener("click", ({ target }) => target.closest?.(`a[href="${location.hash}"]`) && follow()); // the same link again
dark.addEventListener("change", () => [...drawn.keys()].forEach(draw));
follow();
