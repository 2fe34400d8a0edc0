"""How often the three questions are answered rightly where the truth is known; writes docs/calibration.md.

    python benchmarks/calibration.py --replicates 10 --out docs/calibration.md

Tasks of known skill are planted (`calibration_kinds.py`) and judged with the product's own code. Beside it stand the
emergence score and, where git has it, the first edition of the method, both on the same tasks.
"""

import resource
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import polars as pl
import typer
from calibration_first import COMMIT, first_edition
from calibration_judge import judge
from calibration_kinds import KEY, KINDS, Design, grid
from calibration_page import page
from tqdm import tqdm


def main(
    replicates: Annotated[int, typer.Option(min=1, help="of each kind, class of ladder and number of items")] = 10,
    jobs: Annotated[int, typer.Option(min=1)] = 1,
    out: Path = Path("docs/calibration.md"),
    seed: int = 0,
    kinds: Annotated[str, typer.Option(help="some kinds alone, with semicolons between")] = "",
    first: Annotated[bool, typer.Option(help="judge with the first edition too")] = True,
    rows: Annotated[Path | None, typer.Option(help="also write what was found in each task, as parquet")] = None,
) -> None:
    """Measure how often answers are right on planted truth and write it as a page."""
    start = time.perf_counter()
    some = {kind.strip() for kind in kinds.split(";") if kind.strip()} or set(KINDS)
    designs = [design for design in grid(replicates) if design.kind in some]
    found = run(designs, seed=seed, jobs=jobs)
    if first:
        found = found.join(first_edition(replicates, seed), on=list(KEY), how="left")
    if rows:
        found.write_parquet(rows)
    cpu = sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    command = f"python benchmarks/calibration.py --replicates {replicates} --jobs {jobs} --seed {seed} --out {out}"
    versions = ", ".join(f"{name} {version(name)}" for name in ("rescore", "numpy", "scipy"))
    took = f"{cpu / 60:.0f} CPU minutes, {(time.perf_counter() - start) / 60:.0f} minutes with {jobs} process"
    took += "es" if jobs > 1 else ""
    text = page(found, command=command, run=f"{versions}; {took}", commit=COMMIT if first else "")
    out.write_text(text, encoding="utf-8")


def run(designs: list[Design], *, seed: int, jobs: int = 1) -> pl.DataFrame:
    """Judge every task; one row each, in the order of the designs."""
    work = partial(judge, seed=seed)
    show = partial(tqdm, total=len(designs), desc="planting", unit="task", disable=not sys.stderr.isatty())
    if jobs == 1:
        return pl.DataFrame([work(design) for design in show(designs)], infer_schema_length=None)
    with ProcessPoolExecutor(jobs) as pool:
        rows: list[dict[str, Any]] = list(show(pool.map(work, designs, chunksize=8)))
    return pl.DataFrame(rows, infer_schema_length=None)


if __name__ == "__main__":
    typer.run(main)
