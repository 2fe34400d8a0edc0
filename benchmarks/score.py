"""How fast scoring is, how much memory it takes, and how it compares with a plain Python loop over examples.

`python benchmarks/score.py` makes what one model might answer to questions of the number, kind and size of BIG-Bench's:
sizes and metrics are those of the shipped catalogue, words, tokens and log-probabilities are random. It scores them
task by task as the workflow does, then a sample of them with a plain loop beside, which must find the same numbers.
Making and reading the tables is not timed. The memory is that of this process, with the tables that it reads.
"""

import argparse
import json
import math
import multiprocessing
import resource
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa
from rapidfuzz.distance import Levenshtein

from rescore.bigbench.catalogue import JSON_TASK, catalogue
from rescore.scoring import bigbench_scores, score
from rescore.tables import EXAMPLES, EXTRACTIONS, METRICS, Table
from rescore.tables.metrics import IMPORTED_METRICS

SCORED = [name for name in METRICS if name not in IMPORTED_METRICS]
MAX_CHOICES = 10
WORDS = pl.Series([f"w{i:x}" for i in range(500 * MAX_CHOICES)])  # a word is a token
PROMPT = "a question of usual length " * 12
GRADED = {"multiple_choice_grade", "macro_f1"}
LIBRARY = {"bleu", "rouge"}  # sacrebleu and rouge-score compute these, one example a call, whoever asks
FRAMES = ("examples", "extractions", "answers")
SAMPLE = {"multiple_choice_grade": 0.8, "exact_str_match": 0.2}  # share of the questions that BIG-Bench has by metric


class Tables(NamedTuple):
    """What one model answered, and the questions."""

    examples: pl.DataFrame
    extractions: pl.DataFrame
    answers: pl.DataFrame
    settings: dict[str, dict[str, Any]]


def main() -> None:
    """Run the benchmark and print what it finds."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--examples", type=int, default=2_600_000, help="questions in all (%(default)s)")
    parser.add_argument("--sample", type=int, default=20_000, help="questions for the plain loop (%(default)s)")
    parser.add_argument("--repeats", type=int, default=5, help="timings of the sample (%(default)s)")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        # In a process of its own: making the tables must leave no mark on the peak memory of this one.
        maker = multiprocessing.get_context("spawn").Process(target=make_all, args=(Path(folder), chosen.examples))
        maker.start()
        maker.join()
        if maker.exitcode:
            sys.exit("the tables could not be made")
        per_second = whole(Path(folder))
    peak_gib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    ratio = beside_a_loop(chosen.sample, chosen.repeats)
    print(f"examples/s {per_second:,.0f}  peak GiB {peak_gib:.2f}  ratio {ratio:.1f}")


def whole(folder: Path) -> float:
    """Score every task in turn; print and return how many examples a second under Rescore's metrics."""
    seconds, counts = defaultdict[str, float](float), Counter[str]()
    for path in sorted(folder.iterdir()):
        tables = read(path)
        library = any(LIBRARY.intersection(rules["metrics"]) for rules in tables.settings.values())
        theirs = "BIG-bench's, tasks with BLEU or ROUGE" if library else "BIG-bench's, other tasks"
        for name, scored in (("Rescore's", score), (theirs, bigbench_scores)):
            start = time.perf_counter()
            scored(*of_model(tables))
            seconds[name] += time.perf_counter() - start
            counts[name] += tables.examples.height
    seconds["all"], counts["all"] = sum(seconds.values()), counts["Rescore's"]
    for name in sorted(seconds):
        print(f"{name}: {counts[name]:,} examples, {seconds[name]:.1f} s, {counts[name] / seconds[name]:,.0f} a second")
    return counts["Rescore's"] / seconds["Rescore's"]


def of_model(tables: Tables) -> Tables:
    """Say that a model gave these answers."""
    model = pl.lit("model", pl.Enum(["model"])).alias("model")
    return tables._replace(**{name: getattr(tables, name).with_columns(model) for name in FRAMES})


def beside_a_loop(n: int, repeats: int) -> float:
    """Score a sample in turns with `score` and with a plain loop; print both times and return the ratio of medians.

    The sample has one subtask of multiple choice and one of text, in the proportion of BIG-Bench's.
    """
    rng = np.random.default_rng(1)
    tables = joined([make(f"sample:{m}", round(n * share), [m], rng) for m, share in SAMPLE.items()])
    questions = as_lists(tables)
    ours, loop = [], []
    for _ in range(repeats):
        start = time.perf_counter()
        frame = score(*of_model(tables))
        ours.append(time.perf_counter() - start)
        start = time.perf_counter()
        plain = [plainly(q) for q in questions]
        guess(questions, plain)
        loop.append(time.perf_counter() - start)
    check(frame, questions, plain)
    print(f"sample of {n:,}: {median(ours):.3f} s, plain loop {median(loop):.3f} s (medians of {repeats})")
    return median(loop) / median(ours)


def check(frame: pl.DataFrame, questions: Sequence[dict[str, Any]], plain: Sequence[dict[str, float | None]]) -> None:
    """Stop where a score differs from the plain loop's."""
    found = {row[:3]: row[3] for row in frame.select("subtask", "example_id", "metric", "score").iter_rows()}
    if not len(found) == frame.height == len(plain) * len(SCORED):
        sys.exit(f"{frame.height} scores of {len(plain)} questions under {len(SCORED)} metrics")
    for question, values in zip(questions, plain, strict=True):
        for metric, value in values.items():
            key = (question["subtask"], question["example_id"], metric)
            ours = found[key]
            if ours is not value and (
                ours is None or value is None or not math.isclose(ours, value, rel_tol=1e-9, abs_tol=1e-9)
            ):
                sys.exit(f"{key}: {ours}, and {value} by the plain loop")


def as_lists(tables: Tables) -> list[dict[str, Any]]:
    """One question a row, with its answer and its candidates, as Python holds them."""
    keys = ("subtask", "example_id")
    candidates: dict[Any, list[dict[str, Any]]] = {}
    for row in tables.extractions.iter_rows(named=True):
        candidates.setdefault((row["subtask"], row["example_id"]), []).append(row)
    return [
        row | {"candidates": candidates[row["subtask"], row["example_id"]], **tables.settings[row["subtask"]]}
        for row in tables.examples.join(tables.answers, on=keys).iter_rows(named=True)
    ]


def plainly(question: dict[str, Any]) -> dict[str, float | None]:
    """Score one question as a loop does that knows no columns."""
    scores: dict[str, float | None] = dict.fromkeys(SCORED)
    targets = [c for c in question["candidates"] if c["is_target"]]
    if question["asks_text"]:
        answer, ids = question["answer"], question["answer_token_ids"]
        scores["exact_match"] = float(answer in question["targets"])
        scores["exact_match_trimmed"] = float(answer.strip() in [target.strip() for target in question["targets"]])
        scores["char_edit_distance"] = min(Levenshtein.normalized_distance(answer, t) for t in question["targets"])
        scores["token_edit_distance"] = min(Levenshtein.normalized_distance(ids, c["token_ids"]) for c in targets)
    scores["exact_match_teacher_forced"] = float(any(c["argmax_ids"] == c["token_ids"] for c in targets))
    best = max(targets, key=lambda c: sum(c["logprob_nats"]))
    total, n_tokens = sum(best["logprob_nats"]), len(best["token_ids"])
    scores["nll_nats_per_token"] = -total / n_tokens
    scores["nll_nats_per_byte"] = -total / len(best["candidate"].encode())
    scores["token_accuracy"] = (
        sum(a == t for a, t in zip(best["argmax_ids"], best["token_ids"], strict=True)) / n_tokens
    )
    scores["target_probability"] = math.exp(total)
    scores["token_probability"] = sum(map(math.exp, best["logprob_nats"])) / n_tokens
    others = sum(best["best_other_logprob_nats"])
    scores["margin_nats"] = (total - others) / n_tokens
    if question["choices"]:
        by_text = {c["candidate"]: sum(c["logprob_nats"]) for c in question["candidates"]}
        totals = [by_text[choice] for choice in question["choices"]]
        top = max(totals)
        scores["multiple_choice_grade"] = question["target_scores"][totals.index(top)]
        weights = [math.exp(t - top) for t in totals]
        mass, right = sum(weights), sum(question["target_scores"])
        good = [w for w, y in zip(weights, question["target_scores"], strict=True) if y > 0]
        scores["choice_probability"] = sum(good) / mass if good else None
        scores["brier_score"] = sum(
            (w / mass - y / right) ** 2 for w, y in zip(weights, question["target_scores"], strict=True)
        )
    return scores


def guess(questions: Sequence[dict[str, Any]], plain: Sequence[dict[str, float | None]]) -> None:
    """Add the guesser's NLL per token, who counts the tokens of the other questions' targets by position."""
    answers = []
    for question in questions:
        best = max((c for c in question["candidates"] if c["is_target"]), key=lambda c: sum(c["logprob_nats"]))
        answers.append((question["subtask"], tuple(best["token_ids"])))
    counts = Counter((s, len(ids), t, token) for s, ids in answers for t, token in enumerate(ids))
    alike = Counter((s, len(ids)) for s, ids in answers)
    distinct = Counter(key[:3] for key in counts)
    for (s, ids), scores in zip(answers, plain, strict=True):
        k, others = len(ids), alike[s, len(ids)] - 1
        if others:
            rates = [(counts[s, k, t, token] - 0.5) / (others + distinct[s, k, t] / 2) for t, token in enumerate(ids)]
            scores["guess_nats_per_token"] = -sum(map(math.log, rates)) / k


def make_all(folder: Path, n_examples: int) -> None:
    """Write the tables of every task of the catalogue, `n_examples` in all and at least two a subtask."""
    rng = np.random.default_rng(0)
    leaves = catalogue().filter(pl.col("kind") == JSON_TASK)
    share = n_examples / leaves["n_examples"].sum()
    for _, part in leaves.group_by(pl.col("name").str.split(":").list.first(), maintain_order=True):
        rows = part.rows(named=True)
        tables = joined([make(r["name"], max(2, round(r["n_examples"] * share)), r["metrics"], rng) for r in rows])
        task = folder / rows[0]["name"].partition(":")[0]
        task.mkdir()
        for name in FRAMES:
            getattr(tables, name).write_parquet(task / f"{name}.parquet", compression="lz4")
        (task / "settings.json").write_text(json.dumps(tables.settings), encoding="utf-8")


def read(task: Path) -> Tables:
    """Read what `make_all` wrote of a task."""
    frames = {name: pl.read_parquet(task / f"{name}.parquet") for name in FRAMES}
    return Tables(**frames, settings=json.loads((task / "settings.json").read_text(encoding="utf-8")))


def joined(parts: Sequence[Tables]) -> Tables:
    """Put the subtasks of a task into the same tables."""
    frames = {name: pl.concat([getattr(part, name) for part in parts]) for name in FRAMES}
    return Tables(**frames, settings={s: rules for part in parts for s, rules in part.settings.items()})


def make(subtask: str, n: int, metrics: Sequence[str], rng: np.random.Generator) -> Tables:
    """Make `n` questions with their candidates and an answer to each.

    A question of choices has 2 to 10 of 1 to 4 words, of which one is right and the target; one without has 1 target
    or, in one subtask of five, 3, of 1 to 8 words. Half of the answers are a target, half are one with errors.
    """
    graded = bool(GRADED.intersection(metrics))
    k = int(rng.integers(2, MAX_CHOICES + 1)) if graded else int(rng.choice([1, 3], p=[0.8, 0.2]))
    lengths = rng.integers(1, 5 if graded else 9, n * k)  # [candidates]
    first = np.cumsum(lengths) - lengths
    ids = rng.integers(len(WORDS), size=lengths.sum(), dtype=np.int32)  # [tokens]
    ids[first] += np.tile(np.arange(k, dtype=np.int32), n) - ids[first] % MAX_CHOICES  # so candidates differ
    candidates = texts(ids, lengths)
    right = np.arange(n) * k + rng.integers(k, size=n)
    wanted = np.isin(np.arange(n * k), right)
    own = pl.DataFrame({"subtask": [subtask] * n, "example_id": np.arange(n)})
    groups = np.full(n, k)
    examples = own.with_columns(
        task=pl.lit(subtask.partition(":")[0]),
        prompt=pl.format("{} {}", pl.lit(PROMPT), "example_id"),
        targets=lists(candidates.gather(right), groups // k) if graded else lists(candidates, groups),
        choices=lists(candidates, groups) if graded else pl.lit(None),
        target_scores=lists(wanted.astype(float), groups) if graded else pl.lit(None),
        shots=0,
        seed=0,
    )
    extractions = own[np.repeat(np.arange(n), k)].with_columns(
        candidate=candidates,
        is_target=pl.Series(wanted) if graded else pl.lit(True),
        is_choice=pl.lit(graded),
        token_ids=lists(ids, lengths),
        logprob_nats=lists(-rng.exponential(1, len(ids)), lengths),
        argmax_ids=lists(np.where(rng.random(len(ids)) < 0.6, ids, 0), lengths),
        best_other_logprob_nats=lists(-rng.exponential(1, len(ids)), lengths),
    )
    said = ids[np.repeat(wanted, lengths)]
    owner = np.repeat(np.arange(n), lengths[right])
    wrong = (rng.random(n) < 0.5)[owner]
    said = np.where(wrong & (rng.random(len(said)) < 0.5), rng.permutation(said), said)
    kept = ~wrong | (rng.random(len(said)) < 0.8)
    said, said_lengths = said[kept], np.bincount(owner[kept], minlength=n)
    answers = own.with_columns(
        answer=texts(said, said_lengths), answer_token_ids=lists(said, said_lengths), reason=pl.lit(None, pl.String)
    )
    rules = {"metrics": list(metrics), "asks_text": not GRADED.issuperset(metrics), "preferred_score": metrics[0]}
    return Tables(typed(examples, EXAMPLES), typed(extractions, EXTRACTIONS), answers, {subtask: rules})


def typed(frame: pl.DataFrame, table: Table) -> pl.DataFrame:
    """Select a contract's columns, in its types."""
    return frame.select(pl.col(name).cast(dtype) for name, dtype in table.columns.items())


def texts(ids: np.ndarray, lengths: np.ndarray) -> pl.Series:
    """Join runs of words to texts: [tokens] -> [runs]."""
    return lists(WORDS.gather(ids), lengths).list.join(" ")


def lists(values: np.ndarray | pl.Series, lengths: np.ndarray) -> pl.Series:
    """Cut values into runs of `lengths`."""
    ends = np.concatenate([[0], np.cumsum(lengths)])
    flat = values.to_arrow() if isinstance(values, pl.Series) else pa.array(values)
    return pl.Series(pa.LargeListArray.from_arrays(ends, flat))


if __name__ == "__main__":
    main()
