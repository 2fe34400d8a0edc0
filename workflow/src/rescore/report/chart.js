// Draws charts in the page's light or dark colours.
const read = (id) => JSON.parse(document.getElementById(id).textContent);
const specs = read("specs");
const themes = read("themes");
const dark = matchMedia("(prefers-color-scheme: dark)");
const drawn = new Map(); // place -> what vega-embed made there

// Rows of data embedded a column an array.
function rows(columns) {
  const names = Object.keys(columns);
  return columns[names[0]].map((_, i) => Object.fromEntries(names.map((name) => [name, columns[name][i]])));
}

async function embed(place, spec, downloadFileName) {
  drawn.get(place)?.finalize();
  const theme = dark.matches ? "dark" : "light";
  try {
    const result = await vegaEmbed(place, spec, {
      mode: "vega-lite",
      ast: true, // expressions are interpreted, so that the page can forbid eval
      renderer: "svg",
      config: themes[theme],
      tooltip: { theme },
      actions: { export: true, source: false, compiled: false, editor: false },
      downloadFileName,
    });
    drawn.set(place, result);
  } catch (error) {
    place.textContent = `The chart could not be drawn: ${error.message}`;
  }
}

