// Tables that sort and filter; cells travel as data, a column an array, and become text here.
const STEP = matchMedia("(max-width: 44rem)").matches ? 10 : 50; // rows that are added at once
const subtasks = [...document.querySelectorAll("details.subtask")].map((each) => each.querySelector("bdi").textContent);
const shared = read("shared");

function number(value) {
  if (value === null) return "–";
  const size = Math.abs(value);
  if (size === Infinity) return value < 0 ? "-∞" : "∞";
  if (size !== 0 && (size < 1e-4 || size >= 1e5)) return value.toExponential(2).replace(/\.?0*e\+?/, "e");
  return String(Number(value.toPrecision(Number.isInteger(value) ? 6 : 3)));
}

// An element with children; text is never markup.
function make(tag, attributes, ...children) {
  const element = Object.assign(document.createElement(tag), attributes);
  element.append(...children);
  return element;
}

// A long name may break behind its colons and underscores.
const breakable = (name) => name.split(/(?<=[:_])/).flatMap((part) => [part, make("wbr", {})]).slice(0, -1);

function columnsOf(place, heads) {
  return JSON.parse(place.querySelector("script").textContent).map((given, at) => {
    const column = { ...given, title: heads[at].textContent };
    if (column.words) return { ...column, text: column.cells.map((code) => (code === null ? "–" : column.words[code])) };
    if (column.kind === "subtask") return { ...column, text: column.cells.map((at) => subtasks[at]) };
    const cells = column.cells.map((cell) => (cell === null ? null : Number(cell)));
    return { ...column, cells, text: column.said ?? cells.map(number) };
  });
}

const slug = (words) => words.replaceAll(" ", "-");
const pill = (label) => make("span", { className: `pill ${slug(label)}` }, label);

// A cell knows its heading, which narrow screens write beside it.
function cell({ kind, cells, text, title }, row) {
  const said = text[row];
  if (kind === "subtask") return make("th", { scope: "row" }, make("a", { href: `#s${cells[row] + 1}` }, make("bdi", {}, ...breakable(said))));
  if (kind === "name") return make("th", { scope: "row" }, make("bdi", {}, said));
  const letter = kind === "verdict" && shared.letters[said];
  const place = make("td", { className: letter ? `cell ${slug(said)}` : kind }, kind === "word" && said in shared.labels ? pill(said) : letter || said);
  if (letter) place.title = `${title}: ${said}`;
  place.dataset.title = title;
  return place;
}

function start(place) {
  const heads = [...place.querySelectorAll("thead th")];
  const columns = columnsOf(place, heads);
  const [box, more, output, body] = ["input", ".more", "output", "tbody"].map((each) => place.querySelector(each));
  const all = columns[0].cells.map((_, row) => row);
  const haystack = all.map((row) => columns.filter((each) => each.kind !== "number").map((each) => each.text[row]).join(" ").toLowerCase());
  let rows = all, sorted = null, down = false;

  const add = (count = STEP) => {
    const from = body.rows.length;
    body.append(...rows.slice(from, from + count).map((row) => make("tr", {}, ...columns.map((column) => cell(column, row)))));
    more.hidden = body.rows.length >= rows.length;
    if (output) output.value = `${rows.length} of ${all.length} rows${more.hidden ? "" : `, ${body.rows.length} shown`}`;
  };
  const show = () => {
    const words = (box?.value ?? "").toLowerCase().split(/\s+/).filter(Boolean);
    const wanted = [...place.querySelectorAll("select")].filter((each) => each.value !== "").map((each) => [columns[each.dataset.column].cells, Number(each.value)]);
    rows = all.filter((row) => words.every((word) => haystack[row].includes(word)) && wanted.every(([cells, code]) => cells[row] === code));
    if (sorted) {
      const key = sorted.kind === "number" || sorted.words ? sorted.cells : sorted.text; // words are coded in their order
      const order = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
      rows.sort((a, b) => (key[a] === null) - (key[b] === null) || (down ? order(key[b], key[a]) : order(key[a], key[b])));
    }
    body.replaceChildren();
    add();
  };
  heads.forEach((head, at) => head.firstElementChild.addEventListener("click", () => {
    down = sorted === columns[at] && !down;
    sorted = columns[at];
    heads.forEach((each) => each.removeAttribute("aria-sort"));
    head.ariaSort = down ? "descending" : "ascending";
    show();
  }));
  more.addEventListener("click", () => add());
  addEventListener("beforeprint", () => add(rows.length));
  const form = place.querySelector("form");
  form?.addEventListener("input", show);
  form?.addEventListener("submit", (event) => event.preventDefault());
  show();
}

document.querySelectorAll(".grid").forEach(start);
