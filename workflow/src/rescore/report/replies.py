"""The three questions of a subtask in words: answer, number and the convention that it is held against."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from rescore.report import text
from rescore.report.along import Along
from rescore.report.panels import times
from rescore.report.text import QUESTIONS, interval, number, percent


class Reply(NamedTuple):
    """A question, its answer (a dash where it was not asked), the number it rests on, and from where that is a yes."""

    question: str
    answer: str
    number: str
    bar: str


def replies(cliff: Mapping[str, Any], conventions: Mapping[str, Any]) -> list[Reply]:
    """Answer the three questions of a subtask; nothing of a subtask without a label.

    Parameters
    ----------
    cliff
        A row of CLIFFS.
    conventions
        The method's constants by name; where one is missing its bar stays empty.
    """
    if cliff["label"] is None:
        return []
    numbers = {
        "cliff": "" if cliff["p_cliff"] is None else f"{percent(cliff['p_cliff'])} of draws have one",
        "metric_makes_it": ""
        if cliff["metric_share"] is None
        else f"{interval(cliff, 'metric_share', percent)} of the climb is not the likelihood's",
        "skill_broke": ""
        if cliff["acceleration_factor"] is None
        else f"{interval(cliff, 'acceleration_factor', times)} as fast in the cliff as before it",
    }
    return [
        Reply(question, cliff[name] or text.NONE, numbers[name], _bars(conventions).get(name, ""))
        for name, question in QUESTIONS.items()
    ]


def _bars(conventions: Mapping[str, Any]) -> dict[str, str]:
    """Say from where each number counts as a yes."""
    try:
        fast = conventions["acceleration_min"]
        return {
            "cliff": f"yes from {percent(conventions['cliff_confidence'])}, and without any one size too",
            "metric_makes_it": f"yes from {percent(conventions['metric_share_min'])}, "
            f"if {percent(conventions['confidence'])} of draws agree",
            "skill_broke": f"yes from {times((1 + fast) / (1 - fast))}, if "
            f"{percent(conventions['confidence'] - conventions['break_slack'])} of draws agree and the questions move "
            "together; no if it grew less than that anywhere up to the cliff",
        }
    except KeyError:
        return {}


def facts(cliff: Mapping[str, Any], axis: Along, chance: float | None) -> list[str]:
    """Say what else is known of a subtask's climb, a sentence each; `chance` is what guessing scores."""
    said = [] if chance is None else [f"Guessing scores {percent(chance)}."]
    if cliff["hidden_progress"] is not None:
        said.append(
            f"{interval(cliff, 'hidden_progress', percent)} of the likelihood's progress was made before the hard "
            "metric began to rise."
        )
    if cliff["window_start_log10_x"] is not None and cliff["window_end_log10_x"] is not None:
        low, high = (number(10 ** cliff[f"window_{end}_log10_x"], 2) for end in ("start", "end"))
        said.append(
            f"The climb from a tenth to nine tenths lies between {low} and {high} {axis.unit}"
            f"{'' if cliff['rungs_in_window'] is None else f', {_sizes(cliff)} in between'}."
        )
    if cliff["answer_tokens"] is not None:
        said.append(f"An answer has {number(cliff['answer_tokens'], 2)} tokens on average.")
    if cliff["seeds"] is not None:
        rho = "" if cliff["seed_rho"] is None else f" (rho {number(cliff['seed_rho'], 2)})"
        said.append(f"Seeds of one size: {cliff['seeds']}{rho}.")
    return said


def _sizes(cliff: Mapping[str, Any]) -> str:
    return f"{cliff['rungs_in_window']} size{'' if cliff['rungs_in_window'] == 1 else 's'}"
