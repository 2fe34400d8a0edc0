"""How a task is scored, told by its name: what `acc` means where a results file does not say."""

import re
from typing import Literal

Kind = Literal["multiple_choice", "loglikelihood", "generate_until", "mass", "other"]
"""The output types of lm-evaluation-harness, and two more that its files never name.

"mass" is the share of probability that the right choices have; "other" is a mean that is neither right or wrong per
question nor such a share.
"""

# Read off the tasks of lm-evaluation-harness: 0.4.13 by the keys output_type, metric_list and process_results of its
# task files, 0.3.0 by the classes in lm_eval/tasks. Nearly every task with `acc` lists choices (8,205 of 8,401 in
# 0.4.13), so that only the others stand here.
_NAMES: tuple[tuple[str, Kind], ...] = (
    (r".*mc_?2(_.*)?|tiny_?truthfulqa", "mass"),
    (r"truthfulqa(_mc)?|truthful_qa|masakhapos_.*|longproc_.*", "other"),  # two accuracies in one; shares of an answer
    (r"arithmetic(_.*)?|lambada.*|(math_)?asdiv.*", "loglikelihood"),
    (r"(anagrams[12]|cycle_letters|random_insertion|reversed_words|unscramble)(_.*)?", "loglikelihood"),
    (r"triviaqa|trivia_qa|webqs|naturalqs|nq(_open)?", "loglikelihood"),
    (r"gsm_?8k(_.*)?|gsm_plus(_.*)?|mgsm(_.*)?|.*_mgsm|drop|coqa|squad.*|babilong(_.*)?", "generate_until"),
    (r"(minerva_|hendrycks_|leaderboard_)?math(_(algebra|count|geom|inter|num|pre|hard|lvl|500).*)?", "generate_until"),
    (r"agieval_(math|gaokao_mathcloze)|bbq_generate.*|mmmu_.*|pisa_.*|super_glue_wsc_t5_prompt", "generate_until"),
    (r"humaneval.*|mbpp.*", "generate_until"),
)
_PATTERNS = tuple((re.compile(pattern), kind) for pattern, kind in _NAMES)

_CHOICES = {
    **dict.fromkeys(("boolq", "copa", "piqa", "rte", "wic", "winogrande", "wsc", "wsc273"), 2),
    **dict.fromkeys(("hellaswag", "logiqa", "openbookqa", "race", "sciq", "mmlu"), 4),
    "commonsense_qa": 5,
}
_FOUR_CHOICES = ("hendryckstest_", "mmlu_")  # families of tasks of four choices each
_NOT_FOUR = ("mmlu_pro", "mmlu_redux")


def kind_of(task: str) -> Kind | None:
    """Say how a task is scored, if its name tells that it does not list choices.

    >>> kind_of("arithmetic_2da"), kind_of("truthfulqa_mc2"), kind_of("GSM8K"), kind_of("piqa")
    ('loglikelihood', 'mass', 'generate_until', None)
    """
    name = _plain(task)
    return next((kind for pattern, kind in _PATTERNS if pattern.fullmatch(name)), None)


def chance(task: str, offered: object = None) -> float | None:
    """Return what guessing among the choices scores; None where their number is not known.

    `offered` is the list of choices in the task's settings; anything else is no list.
    """
    if isinstance(offered, list) and offered:
        return 1 / len(offered)
    name = _plain(task)
    if name.startswith(_FOUR_CHOICES) and not name.startswith(_NOT_FOUR):
        return 1 / 4
    return 1 / _CHOICES[name] if name in _CHOICES else None


def _plain(task: str) -> str:
    """Spell a name as the harness does: `ARC-Easy` is arc_easy."""
    return re.sub(r"\W+", "_", task.lower()).strip("_")
