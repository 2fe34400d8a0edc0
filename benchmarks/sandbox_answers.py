"""What the three questions say of a skill that grows and of one that jumps: the table that the sandbox reads.

`python benchmarks/sandbox_answers.py` makes `workflow/src/rescore/report/sandbox_answers.tsv` anew, in a minute.
"""

import argparse
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rescore.discontinuity import analyse
from rescore.simulate import Truth, simulated_scores

TABLE = Path(__file__).parents[1] / "workflow" / "src" / "rescore" / "report" / "sandbox_answers.tsv"
TOKENS = (1, 2, 4, 8, 20)
MIDPOINTS = (21.0, 22.0, 23.0, 24.0)
STEEPNESSES = (0.0, 0.5, 1.5, 3.0)  # 0: a step
LOW, HIGH = 0.3, 0.95  # token probability before and after a step
SIZES = np.linspace(19, 25, 13)
SEEDS = 3
SHOWN = ("cliff", "metric_makes_it", "skill_broke", "label", "metric_share", "acceleration_factor")


@dataclass(frozen=True, kw_only=True)
class Skill(Truth):
    """Token skill as the sandbox draws it, in logits: a line through `midpoint`, or without a slope a step there."""

    midpoint: float

    def token_logit(self, log10_compute: NDArray[np.float64]) -> NDArray[np.float64]:
        """Logit of a right token at each log10 FLOPs; [models]."""
        x = np.asarray(log10_compute, float)
        if self.logits_per_decade:
            return self.logits_per_decade * (x - self.midpoint)
        p = np.where(x > self.midpoint, HIGH, LOW)
        return np.asarray(np.log(p / (1 - p)))


def answers(n_items: int) -> pl.DataFrame:
    """Return one row per setting of the sandbox's controls: the setting, and SHOWN of the table CLIFFS."""
    ladder = pl.DataFrame(
        [("sandbox", f"{x:g}-{seed}", float(10**x)) for x in SIZES for seed in range(SEEDS)],
        schema=["ladder", "model", "compute_flops"],
        orient="row",
    )
    rows = []
    for tokens, midpoint, steepness in product(TOKENS, MIDPOINTS, STEEPNESSES):
        truth = Skill(shape="chain", tokens=tokens, logits_per_decade=steepness, midpoint=midpoint)
        found = analyse(simulated_scores({"chain": truth}, ladder, n_items=n_items), ladder).cliffs
        rows.append((tokens, midpoint, steepness, *found.select(SHOWN).row(0)))
    names = ("tokens", "midpoint", "steepness", *SHOWN)
    return pl.DataFrame(rows, schema=list(names), orient="row", infer_schema_length=None)


def main() -> None:
    """Write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--items", type=int, default=300)
    parser.add_argument("--out", type=Path, default=TABLE)
    chosen = parser.parse_args()
    answers(chosen.items).with_columns(pl.selectors.float().round(3)).write_csv(chosen.out, separator="\t")


if __name__ == "__main__":
    main()
