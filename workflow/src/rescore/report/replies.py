"""What the page says of a subtask: the three answers, what else is known of its climb, errors of the grader."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from rescore.report.along import Along
from rescore.report.text import NOT_ASKED, QUESTIONS, interval, number, percent, times
from rescore.tables import count

_SEEDS = {
    "lottery": "some have the skill and others lack it (a lottery)",
    "graded": "all stand about equally high (graded)",
    "unclear": "they differ, but this is neither a lottery nor graded (unclear)",
}

_BARS = {"acceleration_min", "break_slack", "cliff_confidence", "cliff_without", "confidence", "metric_share_min"}
"""The constants that the answers are held against."""


def asked(conventions: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the three questions, each with what the answer is yes from, if the method's constants are known."""
    if not set(conventions) >= _BARS:
        return [(question, "") for question in QUESTIONS.values()]
    fast, confidence = conventions["acceleration_min"], conventions["confidence"]
    slack = percent(confidence - conventions["break_slack"])
    bars = [
        f"yes from {percent(conventions['cliff_confidence'])}, "
        f"and {percent(conventions['cliff_without'])} with any one size left out",
        f"yes from {percent(conventions['metric_share_min'])}, if {percent(confidence)} of draws agree",
        f"yes from {times((1 + fast) / (1 - fast))}, if {slack} of draws agree and the test questions change "
        "together; no if it nowhere grew that fast up to the cliff",
    ]
    return list(zip(QUESTIONS.values(), bars, strict=True))


def replies(cliff: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return by question the answer of a row of CLIFFS and the number that it rests on; nothing without a label."""
    if cliff["label"] is None:
        return []
    share, factor = interval(cliff, "metric_share", percent), interval(cliff, "acceleration_factor", times)
    numbers = {
        "cliff": ("p_cliff", f"{percent(cliff['p_cliff'])} of bootstrap draws have one"),
        "metric_makes_it": ("metric_share", f"the metric makes {share} of the climb"),
        "skill_broke": ("acceleration_factor", f"the likelihood grew {factor} as fast in the cliff as before"),
    }
    return [
        (cliff[name] or NOT_ASKED, "" if cliff[name] is None or cliff[column] is None else said)
        for name, (column, said) in numbers.items()
    ]


def facts(cliff: Mapping[str, Any], axis: Along, chance: float | None) -> list[str]:
    """Say what else is known of a subtask's climb, a sentence each; `chance` is what guessing scores."""
    said = [] if chance is None else [f"Guessing among the choices scores {percent(chance)}."]
    if cliff["metric_makes_it"] is not None and cliff["hidden_progress"] is not None:
        said.append(
            f"{interval(cliff, 'hidden_progress', percent)} of the likelihood's progress was made before the "
            "score began to rise."
        )
    if cliff["window_start_log10_x"] is not None and cliff["window_end_log10_x"] is not None:
        low, high = (number(10 ** cliff[f"window_{end}_log10_x"], 2) for end in ("start", "end"))
        between = "" if cliff["rungs_in_window"] is None else f", {count(cliff['rungs_in_window'], 'size')} in between"
        said.append(f"The climb from a tenth to nine tenths lies between {low} and {high} {axis.unit}{between}.")
    if cliff["answer_tokens"] is not None:
        tokens = number(cliff["answer_tokens"], 2)
        said.append(f"An answer has {tokens} token{'' if tokens == '1' else 's'} on average.")
    if (cliff["skill_broke"], cliff["under_nll_nats_per_token"]) == ("yes", "disappears"):
        said.append(
            "NLL per token has no cliff, and still the skill broke: too few draws have a flat start of NLL, or half "
            "of its fall in one step after the first. But in the climb it falls much faster than before, relative to "
            "what is left."
        )
    if cliff["seeds"] is not None:
        said.append(f"Seeds of one size: {_SEEDS.get(cliff['seeds'], cliff['seeds'])}.")
    if cliff["rung_noise_logits"] is not None:
        source = {"seeds": "measured from seeds", "checkpoints": "measured from the last checkpoints"}
        known = source.get(cliff["rung_noise_from"], "assumed, as too few seeds or checkpoints tell it")
        said.append(f"Noise of a model beyond its questions: {number(cliff['rung_noise_logits'], 2)} logits, {known}.")
    return said


def grader(grading: pl.DataFrame) -> str | None:
    """Say from a subtask's rows of GRADING how often the grader is wrong; None where it is not.

    The worst model has the highest share, of equals the first by name.
    """
    if grading.is_empty():
        return None
    worst = grading.sort("rejected_share", "model", descending=[True, False], nulls_last=True).row(0, named=True)
    rejected, no_correct, n = worst["rejected"], worst["no_correct_choice"], worst["n_examples"]
    said = []
    if rejected:
        verbs = ("holds", "is") if rejected == 1 else ("hold", "are")
        said.append(
            f"{rejected:,} of {count(worst['n_text'], 'answer')} of {worst['model']} {verbs[0]} the right answer "
            f"and {verbs[1]} rejected (worst model)"
        )
    if no_correct:
        said.append(
            f"{no_correct:,} of {count(n, 'question')} {'has' if no_correct == 1 else 'have'} no correct choice"
        )
    return f"Grader: {'; '.join(said)}." if said else None


def worst_share(grading: pl.DataFrame) -> float:
    """Return from a subtask's rows of GRADING the largest share of rejected right answers or of no correct choice."""
    without = (pl.col("no_correct_choice") / pl.col("n_examples")).fill_nan(None)
    return float(grading.select(pl.max_horizontal("rejected_share", without).max()).item() or 0.0)


def tokens_line(positions: pl.DataFrame) -> str | None:
    """Say from a subtask's rows of POSITIONS whether errors at the tokens of an answer go together; None if unknown."""
    told = positions.filter(pl.col("position") == 1).drop_nulls("token_correlation_low")
    if told.is_empty():
        return None
    above = told.filter(pl.col("token_correlation_low") > 0).height
    below = told.filter(pl.col("token_correlation_high") < 0).height
    median = told.select(pl.col("token_correlation").median().round(2) + 0.0).item()  # no -0
    return (
        f"Errors at the tokens of an answer have a median correlation of {number(median)} over "
        f"{count(told.height, 'model')} (0: independent, 1: all right or all wrong); its 95% interval is above 0 in "
        f"{above} of them and below 0 in {below}."
    )
