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

// Decades in which p^k goes from 10% to 90%.
const width = (k, steepness) => {
  const logit = (share) => -Math.log(share ** (-1 / k) - 1);
  return (logit(0.9) - logit(0.1)) / steepness;
};

function chainSays({ tokens, midpoint, steepness }, half) {
  if (!at("exact_match").checked) return "The lines coincide at every k: the mean log-likelihood of a token does not know how many there are.";
  if (at("stepped").checked) return `The break is there under both metrics: exact match jumps where the token does, at 10^${midpoint.toFixed(1)} FLOPs.`;
  if (tokens === 1) return "The lines coincide: exact match of one token is its probability.";
  return `Token probability passes one half at 10^${midpoint.toFixed(1)} FLOPs, exact match at 10^${half.toFixed(1)}: ${(half - midpoint).toFixed(1)} decades later. ` +
    `Exact match goes from 10% to 90% within ${width(tokens, steepness).toFixed(1)} decades, a single token within ${width(1, steepness).toFixed(1)}: later, hardly steeper.`;
}

// What the three questions say of the setting that is nearest, from a table made before.
function questionsSay(values) {
  const wanted = { ...values, steepness: at("stepped").checked ? 0 : values.steepness };
  const kind = data.said.filter((row) => (row.steepness === 0) === at("stepped").checked);
  const far = (row) => Math.abs(Math.log(row.tokens / wanted.tokens)) + Math.abs(row.midpoint - wanted.midpoint) + Math.abs(row.steepness - wanted.steepness);
  const row = kind.reduce((best, each) => (far(each) < far(best) ? each : best));
  const setting = `k = ${row.tokens}, midpoint 10^${row.midpoint}, ${row.steepness ? `steepness ${row.steepness}` : "a step"}`;
  const numbers = row.metric_share === null ? "" : ` Metric share ${percent.format(row.metric_share)}; the likelihood grew ${row.acceleration_factor > 20 ? "more than 20" : row.acceleration_factor.toFixed(1)} times as fast in the climb as before.`;
  return `At ${setting}: is there a cliff? ${row.cliff ?? "not asked"}; does the metric make it? ${row.metric_makes_it ?? "not asked"}; did the skill break? ${row.skill_broke ?? "not asked"}. Label: ${row.label}.${numbers}`;
}

function moveChain() {
  const values = {};
  for (const input of document.querySelectorAll("#chain-controls input[type=range]")) {
    values[input.id] = input.valueAsNumber;
    at(`${input.id}-value`).value = input.value;
  }
  at("steepness").disabled = at("stepped").checked;
  const half = set(at("chain"), { ...values, stepped: at("stepped").checked })?.signal("half_metric");
  at("questions-say").value = questionsSay(values);
  if (half !== undefined) at("chain-says").value = chainSays(values, half);
}

async function drawChain() {
  await embed(at("chain"), specs[at("exact_match").checked ? "exact_match" : "log_likelihood"], "chain");
  moveChain();
}

// 100M, 1.0B, 32B
function size(parameters) {
  if (parameters < 0.9995e9) return `${(parameters / 1e6).toFixed(0)}M`;
  const billions = parameters / 1e9;
  return `${billions.toFixed(billions < 9.95 ? 1 : 0)}B`;
}

function moveScale() {
  const scale = at("scale").valueAsNumber;
  for (const place of scales) set(at(place), { scale });
  at("scale-value").value = size(10 ** scale);
  at("scale").ariaValueText = `${size(10 ** scale)} parameters`;
  data.capabilities.forEach(({ tokens, midpoint, steepness }, row) => {
    const p = 1 / (1 + Math.exp(-steepness * (scale - midpoint)));
    const log = -Math.log10(-Math.log(p)) / 2;
    const [exact, shown] = at("read-outs").tBodies[0].rows[row].querySelectorAll("td");
    exact.textContent = percent.format(p ** tokens);
    shown.textContent = percent.format(Math.min(1, Math.max(0, log)));
  });
}

async function drawScale() {
  await Promise.all(scales.map((place) => embed(at(place), specs[place], place)));
  moveScale();
}

function draw() {
  drawChain();
  drawScale();
}

at("chain-controls").addEventListener("input", (event) => (event.target.type === "radio" ? drawChain() : moveChain()));
at("scale").addEventListener("input", moveScale);
at("question").addEventListener("submit", (event) => {
  event.preventDefault();
  at("feedback").value = event.target.querySelector(":checked").dataset.feedback;
});
dark.addEventListener("change", draw);
draw();
