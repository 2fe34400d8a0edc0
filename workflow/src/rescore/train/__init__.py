"""Train the small ladder that ships with Rescore, and make its questions.

`rescore.train.questions` needs no torch; `train_ladder` loads it when it is called.
"""

from pathlib import Path


def train_ladder(
    config_path: Path, out: Path, *, bigbench: Path, sizes: list[str] | None = None, threads: int = 1
) -> None:
    """Train every model of a ladder that is not trained yet; see `rescore.train.ladder.train_ladder`."""
    from rescore.train import ladder

    ladder.train_ladder(config_path, out, bigbench=bigbench, sizes=sizes, threads=threads)
