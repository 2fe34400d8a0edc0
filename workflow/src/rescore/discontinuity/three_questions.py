"""The three questions of a subtask: is there a cliff, does the metric make it, did the skill itself break."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rescore.discontinuity.bootstrap import Estimate
from rescore.discontinuity.conventions import CONVENTIONS, Conventions
from rescore.discontinuity.curve_verdicts import CurveVerdict, Verdict, judge_curves
from rescore.discontinuity.estimands import PARTS
from rescore.discontinuity.evidence import Evidence, Reply
from rescore.discontinuity.progress import Floats
from rescore.discontinuity.resampling import Noise, item_draws, rung_draws, rung_means
from rescore.discontinuity.seeds import Kind, Seeds, seeds
from rescore.discontinuity.synchrony import synchrony

_LABELS = {
    ("yes", "no"): "mirage",
    ("no", "yes"): "real",
    ("yes", "yes"): "both",
    ("no", "no"): "ordinary",
}


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The answers for one subtask.

    Attributes
    ----------
    cliff
        Question 1: "yes", "no" or "open". "no" where the hard metric's curve is flat, saturated or inverse too.
    metric_makes_it, skill_broke
        Questions 2 and 3; None where not asked, that is, where no cliff is sure or there is no likelihood.
    label
        mirage, real, both, ordinary, no cliff, flat, saturated, inverse, no likelihood, or open.
    reason
        Why, in words.
    verdict
        What the hard metric's curve is; see `curve_verdicts.CurveVerdict`.
    estimates
        By name, value with its 90% interval, whatever the answers: metric_share (M), chain_share (C),
        hidden_progress (H), acceleration (alpha), acceleration_factor, window_decades, window_start, half, window_end
        (log10 of the ladder's axis), break_contrast (the largest in or below the window, without the guessing floor),
        break_at (log10), and the waterfall likelihood_part, probability_part, answer_part, argmax_part. What two stages
        do not tell is NaN; empty where the hard metric does not rise or there is no likelihood.
    p_cliff
        Share of draws with a cliff; see `curve_verdicts.CurveVerdict`.
    p_metric
        Chance that the metric makes the cliff: the smaller of P(M >= .25) and P(C >= .1).
    p_skill
        Chance that the skill broke: what the answer yes rests on where it is yes, what no rests on where it is no.
    p_faster, p_below, p_anywhere
        Its parts: alpha >= 1/2 in the window; a contrast of .6 in or below the window, with any inner size left out;
        and alpha >= 1/2 in the window or anywhere below it.
    synchrony
        K; None without items.
    got_worse_first
        Whether the likelihood is worse at some size below the window than at the first.
    seeds, seed_rho
        lottery, graded or unclear, and rho; None where no size has three seeds.
    """

    cliff: Reply
    metric_makes_it: Reply | None
    skill_broke: Reply | None
    label: str
    reason: str
    verdict: Verdict
    estimates: Mapping[str, Estimate]
    p_cliff: float | None
    p_metric: float | None
    p_skill: float | None
    p_faster: float | None
    p_below: float | None
    p_anywhere: float | None
    synchrony: float | None
    got_worse_first: bool
    seeds: Kind | None
    seed_rho: float | None


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
        probability of the whole answer (or of the right choice among the listed), 3 the hard metric. Or two stages,
        the first and the last of these.
    k
        Tokens of an answer, on average; 1 for multiple choice.
    guess
        NLL per token of the guesser, nats; None where there is no guessing floor.
    seed
        Seed of every draw.
    conventions
        The constants.
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
    there = np.ones((stages, n), bool)
    per_model = item_draws(scores, there, conventions, rng)
    point = rung_means(scores.mean(2), models)  # [stages, rungs]
    draws = rung_draws(places, point, per_model, models, np.full(stages, float(n)), noise, conventions, rng)
    together = synchrony(np.stack([-mine[0].mean(0) for mine in rungs]), conventions)
    hard = judge_curves(places, point[-1:], draws[-1:], noise.likelihood[-1:], conventions)[0]
    spread = seeds([mine[-1].mean(1) for mine in rungs], float(n), conventions)
    return ask(places, point, draws, hard=hard, guess=guess, together=together, spread=spread, conventions=conventions)


def ask(
    x: Floats,
    point: Floats,
    draws: Floats,
    *,
    hard: CurveVerdict,
    guess: float | None,
    together: float | None,
    spread: Seeds,
    conventions: Conventions,
) -> Answer:
    """Answer the three questions from draws of the stages' rung means.

    Parameters
    ----------
    x
        Places of the rungs; [rungs].
    point, draws
        Of two or four stages, the likelihood first and the hard metric last: [stages, rungs], [stages, rungs, draws]. A
        single stage is the hard metric without a likelihood.
    hard
        Question 1 of the hard metric's curve.
    guess
        NLL of the guesser, nats.
    together
        K; None without items: the skill is never said to break then.
    spread
        The seeds.
    conventions
        The constants.
    """
    cliff: Reply = {"cliff": "yes", "open": "open"}.get(hard.verdict, "no")  # type: ignore[assignment]
    rises = hard.verdict in ("cliff", "open", "smooth")
    told = len(point) > 1 and rises
    found = Evidence.of(x, point, draws, guess=guess, together=together, conventions=conventions) if told else None
    metric: Reply | None = None
    skill: Reply | None = None
    label: str = hard.verdict if hard.verdict != "smooth" else "no cliff"
    reason = hard.reason
    p_skill = None
    if cliff != "no" and found is None:
        label = "no likelihood" if cliff == "yes" else "open"
        reason = f"{reason}; no likelihood, so questions 2 and 3 are not asked"
    elif cliff == "open":
        reason = f"{reason}; so questions 2 and 3 are not asked"
    elif cliff == "yes" and found is not None:
        metric, why_metric = found.metric(conventions)
        skill, why_skill, p_skill = found.skill(conventions)
        label = _LABELS.get((metric, skill), "open")
        reason = "; ".join(why for why in (reason, why_metric, why_skill) if why)
    return Answer(
        cliff=cliff,
        metric_makes_it=metric,
        skill_broke=skill,
        label=label,
        reason=reason,
        verdict=hard.verdict,
        estimates=found.estimates if found else {},
        p_cliff=hard.p_cliff,
        p_metric=found.p_metric if found else None,
        p_skill=p_skill,
        p_faster=found.p_faster if found else None,
        p_below=found.p_below if found else None,
        p_anywhere=found.p_anywhere if found else None,
        synchrony=together,
        got_worse_first=found.worse_first if found else False,
        seeds=spread.kind if rises else None,
        seed_rho=spread.rho if rises else None,
    )
