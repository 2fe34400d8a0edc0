// Draws the charts of a subtask when it comes into view; its rows are embedded once.
function draw(place) {
  const section = place.closest("section");
  const { columns } = JSON.parse(section.querySelector("script").textContent);
  const { metric, dataset } = place.dataset;
  return embed(place, { ...specs[metric], datasets: { [dataset]: rows(columns) } }, `${section.id}-${metric}`);
}

const seen = new IntersectionObserver(
  (entries) => {
    for (const entry of entries.filter((each) => each.isIntersecting)) {
      seen.unobserve(entry.target);
      draw(entry.target);
    }
  },
  { rootMargin: "400px" },
);
document.querySelectorAll(".chart[data-metric]").forEach((place) => seen.observe(place));
dark.addEventListener("change", () => [...drawn.keys()].forEach(draw));
