// Draws the page's charts.
const draw = (place) => embed(place, specs[place.dataset.chart], place.dataset.chart);
addEventListener("load", () => document.querySelectorAll(".chart").forEach(draw));
dark.addEventListener("change", () => [...drawn.keys()].forEach(draw));
