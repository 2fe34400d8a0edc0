"""The three questions of a subtask: is there a cliff, does the metric make it, did the skill itself break."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rescore.discontinuity.conventions import CONVENTIONS, Conventions
from rescore.discontinuity.curve_verdicts import CurveVerdict, judge_curves
from rescore.discontinuity.estimands import PARTS
from rescore.discontinuity.evidence import Evidence, Reply, evidence
from rescore.discontinuity.progress import Floats
from rescore.discontinuity.resampling import Estimate, Noise, item_draws, rung_draws, rung_means
from rescore.discontinuity.rung_noise import rung_noise
from rescore.discontinuity.seeds import Seeds, seeds
from rescore.discontinuity.synchrony import synchrony

_LABELS = {
    ("yes", "no"): "mirage",
    ("no", "yes"): "real",
    ("yes", "yes"): "both",
    ("no", "no"): "ordinary",
}


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The answers for one subtask; questions 2 and 3 are not asked where no cliff is sure or there is no likelihood."""

    cliff: Reply  # question 1; "no" where the hard metric's curve is flat, saturated or inverse too
    metric_makes_it: Reply | None  # question 2
    skill_broke: Reply | None  # question 3
    label: str  # mirage, real, both, ordinary, no cliff, flat, saturated, inverse, no likelihood, or open
    reason: str
    p_skill: float | None  # chance that the skill broke: what the answer rests on
    hard: CurveVerdict
    evidence: Evidence | None  # whatever the answers; None where the hard metric does not rise, or without likelihood
    seeds: Seeds | None  # of the hard metric; None where it does not rise

    @property
    def estimates(self) -> Mapping[str, Estimate]:
        """Value and 90% interval by name; empty without evidence."""
        return self.evidence.estimates if self.evidence else {}


def answer(
    x: Sequence[float] | Floats,
    rungs: Sequence[Floats],
    *,
    k: float,
    guess: float | None = None,
    seed: int = 0,
    conventions: Conventions = CONVENTIONS,
) -> Answer:
    """Answer the three questions from the items of one subtask.

    Parameters
    ----------
    x
        Places of the rungs (the sizes of the ladder), log10 of compute or parameters, ascending; [rungs], five or more.
    rungs
        By rung, the scores of its models (seeds) on the same items; [stages, models, items] each. Stages, higher is
        better: 0 minus the NLL per token (nats), 1 the mean probability of a token (or that of the right choice), 2 the
        probability of the whole answer (or of the right choice among the listed), 3 the hard metric. Or 0 and 3 alone.
    k
        Tokens of an answer, on average; 1 for multiple choice.
    guess
        NLL per token of the guesser, nats; None where there is no guessing floor.
    """
    places = np.asarray(x, float)
    rng = np.random.default_rng(seed)
    models = [mine.shape[1] for mine in rungs]
    scores = np.concatenate(rungs, axis=1)  # [stages, models, items]
    stages, _, n = scores.shape
    noise = Noise(
        likelihood=np.arange(stages) == 0,
        whole_answer=np.arange(stages) >= min(2, stages - 1),
        drawn=np.arange(stages) == stages - 1,
        middle=stages == len(PARTS),
        tokens=k,
    )
    per_model = item_draws(scores, np.ones((stages, n), bool), conventions, rng)
    point = rung_means(scores.mean(2), models)  # [stages, rungs]
    of_rungs = rung_noise(places, -scores[0].mean(1), models, conventions).put_into(conventions)
    draws = rung_draws(places, point, per_model, models, np.full(stages, float(n)), noise, of_rungs, rng)
    return ask(
        places,
        point,
        draws,
        hard=judge_curves(places, point[-1:], draws[-1:], noise.likelihood[-1:], conventions)[0],
        guess=guess,
        synchrony=synchrony(np.stack([-mine[0].mean(0) for mine in rungs]), conventions),
        seeds=seeds([mine[-1].mean(1) for mine in rungs], float(n), conventions),
        conventions=conventions,
    )


def ask(
    x: Floats,
    point: Floats,
    draws: Floats,
    *,
    hard: CurveVerdict,
    guess: float | None,
    synchrony: float | None,
    seeds: Seeds,
    unlikely: str = "no likelihood",
    conventions: Conventions,
) -> Answer:
    """Answer the three questions from draws of the stages' rung means.

    x are places of the rungs [rungs]; of two or four stages, the likelihood first and the hard metric last, `point` are
    rung means [stages, rungs] and `draws` draws of them [stages, rungs, draws]. A single stage is the hard metric
    without likelihood, and `unlikely` says why. `guess` is as in `answer`; `synchrony` is None without items: no skill
    is said to break then.
    """
    cliff: Reply = {"cliff": "yes", "open": "open"}.get(hard.verdict, "no")  # type: ignore[assignment]
    found = None
    if len(point) > 1 and hard.rises:
        found = evidence(x, point, draws, guess=guess, synchrony=synchrony, conventions=conventions)
    metric: Reply | None = None
    skill: Reply | None = None
    p_skill = None
    label: str = hard.verdict if hard.verdict != "smooth" else "no cliff"
    reason = hard.reason
    if cliff != "no" and found is None:
        label = "no likelihood" if cliff == "yes" else "open"
        reason = f"{reason}; {unlikely}, so questions 2 and 3 are not asked"
    elif cliff == "open":
        reason = f"{reason}; so questions 2 and 3 are not asked"
    elif cliff == "yes" and found is not None:
        metric, why_metric = found.metric(conventions)
        skill, why_skill, p_skill = found.skill(conventions)
        label = _LABELS.get((metric, skill), "open")
        reason = f"{reason}; metric {metric}: {why_metric}; skill {skill}: {why_skill}"
    return Answer(
        cliff=cliff,
        metric_makes_it=metric,
        skill_broke=skill,
        label=label,
        reason=reason,
        p_skill=p_skill,
        hard=hard,
        evidence=found,
        seeds=seeds if hard.rises else None,
    )
