"""Files of results made by hand, and what an import makes of a folder of them."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from rescore.tables import AGGREGATES, EXAMPLES, SCORES, read


class Imported:
    """The tables of an import, and what it said."""

    def __init__(self, out: Path, said: str) -> None:
        self.said = said
        self.means = self._table(out, AGGREGATES)
        self.scores = self._table(out, SCORES)
        self.examples = self._table(out, EXAMPLES)

    @staticmethod
    def _table(out: Path, table: Any) -> pl.DataFrame:
        path = out / f"{table.name}.parquet"
        return read(path, table) if path.exists() else table.empty()

    def mean(self, metric: str, **of: str) -> list[float | None]:
        return self.means.filter(metric=metric, **of).sort("model")["mean"].to_list()


Import = Callable[..., Imported]


def report(model: str | None, results: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """Give a results file of the form since 0.4."""
    config: dict[str, Any] = {"model": "hf"} | ({"model_args": f"pretrained={model}"} if model else {})
    return {"results": results, "config": config} | more


def line(doc: int, logprobs: list[float], *, question: str = "q", right: int = 1, **more: Any) -> dict[str, Any]:
    """Give a line of a log of two choices, ` no` and ` yes`."""
    return {
        "doc_id": doc,
        "doc": {"question": question},
        "target": str(right),
        "arguments": [[question, " no"], [question, " yes"]],
        "filtered_resps": [[nats, False] for nats in logprobs],
        "acc": float(logprobs.index(max(logprobs)) == right),
    } | more


def lines(*samples: dict[str, Any]) -> str:
    return "".join(json.dumps(sample, ensure_ascii=False) + "\n" for sample in samples)
