// Hands what the reader sets to the charts, which compute the chain model, and says in words what they show.
const at = (id) => document.getElementById(id);
const data = read("data");
const percent = new Intl.NumberFormat("en", { style: "percent" });
const scales = ["capability_exact_match", "capability_log_probability"];

function set(place, signals) {
  const view = drawn.get(place)?.view;
  if (view) Object.entries(signals).reduce((v, [name, value]) => v.signal(name, value), view).run();
  return view;
}

function moveChain() {
  const values = {};
  for (const input of document.querySelectorAll("#chain-controls input[type=range]")) {
    values[input.id] = input.valueAsNumber;
    at(`${input.id}-value`).value = input.value;
  }
  const half = set(at("chain"), values)?.signal("half_metric");
  const exact = at("exact_match").checked;
  if (half === undefined) return;
  if (!exact) at("chain-says").value = "The lines coincide at every k: the mean log-likelihood of a token does not know how many there are.";
  else if (values.tokens === 1) at("chain-says").value = "The lines coincide: exact match of one token is its probability.";
  else at("chain-says").value = `Token probability passes one half at 10^${values.midpoint.toFixed(1)} FLOPs, exact match at 10^${half.toFixed(1)}: ${(half - values.midpoint).toFixed(1)} decades later.`;
}

async function drawChain() {
  await embed(at("chain"), specs[at("exact_match").checked ? "exact_match" : "log_likelihood"], "chain");
  moveChain();
}

function moveScale() {
  const stop = at("scale").valueAsNumber;
  for (const place of scales) set(at(place), { stop });
  at("scale").ariaValueText = `${data.stops[stop]} parameters`;
  at("scale-value").value = data.stops[stop];
  for (const row of rows(data.capabilities).filter((each) => each.stop === stop)) {
    const [exact, log] = at("read-outs").querySelectorAll(`[data-capability="${row.capability}"] td`);
    exact.textContent = percent.format(row.exact_match);
    log.textContent = percent.format(Math.min(1, Math.max(0, row.log_probability)));
  }
}

async function drawScale() {
  const datasets = { capabilities: rows(data.capabilities) };
  await Promise.all(scales.map((place) => embed(at(place), { ...specs[place], datasets }, place)));
  moveScale();
}

function drawRun() {
  if (!data.runs.length) return;
  const { points, fitted, says } = data.runs[at("subtask").value];
  at("run-says").value = says;
  return embed(at("run"), { ...specs.run, datasets: { points: rows(points), fitted } }, "run");
}

function draw() {
  drawChain();
  drawScale();
  drawRun();
}

at("chain-controls").addEventListener("input", (event) => (event.target.type === "radio" ? drawChain() : moveChain()));
at("scale").addEventListener("input", moveScale);
at("subtask")?.addEventListener("change", drawRun);
at("question").addEventListener("submit", (event) => {
  event.preventDefault();
  at("feedback").value = event.target.querySelector(":checked").dataset.feedback;
});
dark.addEventListener("change", draw);
draw();
