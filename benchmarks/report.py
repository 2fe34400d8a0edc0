"""How large the report of many subtasks is, and how long a browser takes to open it.

Random curves of the given number of subtasks and models under every metric, the verdicts that go with them, and the
page made of them. "Opens" is the time until headless Chromium has loaded it, the load event included.
"""

import argparse
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

from rescore.discontinuity.conventions import Conventions
from rescore.report import render
from rescore.report.real_answers import ANSWERS
from rescore.tables import CLIFFS, CURVES, HEADLINE, METRICS, VERDICTS

SIZES_MEGABYTES = 15
OPENS_SECONDS = 3


def tables(subtasks: int, models: int, seed: int) -> dict[str, pl.DataFrame]:
    """Return random curves, verdicts, cliffs and answers of one ladder; names as long as BIG-Bench's."""
    rng = np.random.default_rng(seed)
    names = pl.DataFrame({"task": [f"unnatural_learning_{n:04}" for n in range(subtasks)]})
    names = names.with_columns(ladder=pl.lit("pythia"), subtask=pl.col("task") + ":reverse_natural_content")
    metrics = pl.DataFrame({"metric": list(METRICS)})
    ladder = pl.DataFrame(
        {"model": [f"pythia-{n}-step143000" for n in range(models)], "compute_flops": np.geomspace(1e18, 1e23, models)}
    )
    cells = names.join(metrics, how="cross")
    curves = cells.join(ladder, how="cross")
    curves = curves.with_columns(
        mean=rng.random(curves.height), standard_error=rng.random(curves.height), n=pl.lit(100, pl.Int64)
    )
    numbers = [name for name, kind in VERDICTS.columns.items() if kind == pl.Float64]
    verdicts = cells.with_columns(
        *(pl.Series(name, rng.random(cells.height)) for name in numbers),
        axis=pl.lit("compute_flops"),
        verdict=pl.Series(rng.choice(["cliff", "smooth", "open"], cells.height)),
        reason=pl.lit("no cliff found, but a jump cannot be excluded"),
        n_items=pl.lit(100, pl.Int64),
    )
    measured = [name for name, kind in CLIFFS.columns.items() if kind == pl.Float64]
    cliffs = names.with_columns(
        *(pl.Series(name, rng.random(subtasks)) for name in measured),
        label=pl.Series(rng.choice(["mirage", "both", "open", "no cliff"], subtasks)),
        cliff=pl.lit("yes"),
        metric_makes_it=pl.lit("yes"),
        skill_broke=pl.lit("open"),
        reason=pl.lit("100% of draws have a cliff, and at least 100% without any one size; the likelihood shares 36%"),
        hard_metric=pl.lit("exact_match"),
    )
    questions = pl.DataFrame({"example_id": range(3), "question": ["x" * 150] * 3, "target": ["a" * 30] * 3})
    answers = names.join(questions, how="cross").join(ladder.select("model"), how="cross")
    return {
        "answers": answers.with_columns(said=pl.lit("b" * 30)).select(list(ANSWERS)),
        "curves": pl.concat([CURVES.empty(), curves], how="diagonal"),
        "verdicts": pl.concat([VERDICTS.empty(), verdicts], how="diagonal"),
        "cliffs": pl.concat([CLIFFS.empty(), cliffs], how="diagonal"),
    }


def page(subtasks: int, models: int, seed: int = 0) -> str:
    """Return the report of random tables."""
    given = tables(subtasks, models, seed)
    return render(
        curves=given["curves"],
        verdicts=given["verdicts"],
        cliffs=given["cliffs"],
        answers=given["answers"],
        headline=HEADLINE.empty(),
        made_by={},
        settings={"conventions": vars(Conventions())},
    )


def opened(source: str) -> float:
    """Return the seconds from the start of the navigation to the end of the load event in headless Chromium."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        path = Path(folder, "page.html")
        path.write_text(source, encoding="utf-8")
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), chromium_sandbox=False)
        tab = browser.new_page(viewport={"width": 1280, "height": 900})
        tab.goto(path.as_uri())
        return float(tab.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd")) / 1000


def main() -> None:
    """Print size and times."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--subtasks", type=int, default=1000)
    parser.add_argument("--models", type=int, default=36)
    parser.add_argument("--repeats", type=int, default=3)
    chosen = parser.parse_args()
    start = time.perf_counter()
    source = page(chosen.subtasks, chosen.models)
    print(
        f"made in {time.perf_counter() - start:.1f} s, {len(source.encode()) / 1e6:.1f} MB (at most {SIZES_MEGABYTES})"
    )
    if shutil.which("chromium"):
        for _ in range(chosen.repeats):
            print(f"opens in {opened(source):.1f} s (at most {OPENS_SECONDS})")


if __name__ == "__main__":
    main()
