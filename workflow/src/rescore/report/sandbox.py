"""The sandbox: a page on which a reader makes a cliff with a metric, and takes it away again."""

import math
from dataclasses import asdict
from pathlib import Path

import polars as pl

from rescore.report import sandbox_charts
from rescore.report.document import document
from rescore.report.sandbox_charts import CAPABILITIES, SCALE, SLIDERS, STEP

WALKTHROUGH = {"midpoint": 22.0, "steepness": 1.5}
"""The chain model of the walkthrough, as `rescore simulate` has it."""

SCALES = (20.0, 21.0, 22.0, 22.5, 23.0, 23.5, 24.0, 25.0)
"""log10 FLOPs of the walkthrough."""

LENGTHS = (4, 20)
"""Answer lengths of the walkthrough, in tokens."""

_TABLE_P = (0.5, 0.75, 0.9, 0.95, 0.99)
_TABLE_TOKENS = (1, 2, 4, 8, 20)
_SAID = Path(__file__).with_name("sandbox_answers.tsv")


def render_sandbox() -> str:
    """Return the sandbox as one self-contained HTML page, a `document` with a link to the report beside it.

    What the three questions say of a setting was computed before, on a grid (benchmarks/sandbox_answers.py).
    """
    return document(
        "sandbox.html.j2",
        ["sandbox.js"],
        specs=sandbox_charts.specs(),
        sliders=SLIDERS,
        scale=SCALE,
        step=STEP,
        table_p=_TABLE_P,
        table_tokens=_TABLE_TOKENS,
        walkthrough=[(x, token_probability(x, **WALKTHROUGH)) for x in SCALES],
        lengths=LENGTHS,
        capabilities=CAPABILITIES,
        data={
            "capabilities": [asdict(each) for each in CAPABILITIES],
            "said": pl.read_csv(_SAID, separator="\t").to_dicts(),
        },
    )


def token_probability(x: float, *, midpoint: float, steepness: float) -> float:
    """Probability of a right token, 1 / (1 + exp(-steepness (x - midpoint))).

    >>> token_probability(22.0, midpoint=22.0, steepness=1.5)
    0.5
    """
    return 1 / (1 + math.exp(-steepness * (x - midpoint)))
