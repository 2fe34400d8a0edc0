"""Tasks of known skill, scored item by item: a model of language models that is not the method's own.

`calibration_kinds.py` draws the skill of a task on its ladder. Here it becomes items, tokens and models, and is scored
at the four stages that the method reads. numpy and scipy alone: any edition of the method can be run on the same tasks.
"""

import hashlib
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates
from scipy.special import expit, log_softmax, logit
from scipy.stats import beta, norm

Floats = NDArray[np.float64]

MANY = 3_000  # items of the truth's means, less where answers are long
NUMBERS = 3_000_000  # tokens in all that the truth may take
CORRELATION = 0.5  # of the difficulties of one item's tokens
ITEM_SD = 0.9  # logits, of the law "logit"
LUCK_SD = 0.4  # logits of a model's luck with an item
LEVELS, SCORES = np.linspace(-10, 10, 81), np.linspace(-4, 4, 81)


@dataclass(frozen=True, kw_only=True)
class Skill:
    """What a kind of task draws.

    Attributes
    ----------
    logit
        Of a token of the middle item, or of the right choice against one other; [rungs, models].
    tokens
        Tokens of an answer.
    floor_nats
        Mean NLL per token that never goes.
    luck
        Logits that chance gave to every model of a size; no part of the truth; [rungs].
    wild
        Noise of a model in logits, beyond that of its ladder; [rungs, models].
    flips_at, flips_sd
        Where above 0, `flips_sd`: each item goes from its first to its last logit at a place of its own, normal.
    moving
        Share of the items that change at all; the others keep the first logit.
    form
        Probability that an answer has the right form, or that one of the listed choices is given; [rungs].
    guesses
        Where above 0, tokens that a guesser of the right form chooses among.
    options
        Where above 0, a multiple choice among so many.
    """

    logit: Floats
    tokens: int = 1
    floor_nats: float = 0.0
    luck: Floats | None = None
    wild: Floats | None = None
    flips_at: float = 0.0
    flips_sd: float = 0.0
    moving: float = 1.0
    form: Floats | None = None
    guesses: int = 0
    options: int = 0


@dataclass(frozen=True, kw_only=True)
class Law:
    """How items, tokens and models differ.

    Attributes
    ----------
    concentration
        Of the beta law that the tokens' probabilities follow; 0 for normal logits.
    noise
        Standard deviation of a model about its family, in logits.
    greedy
        Whether the likeliest token is taken, against one drawn by its probability.
    positions
        Logits by which each token of an answer is easier; [tokens].
    """

    concentration: float
    noise: float
    greedy: bool
    positions: Floats


@dataclass(frozen=True)
class Task:
    """A planted task.

    Attributes
    ----------
    x
        log10 of the sizes; [rungs].
    rungs
        For each size the scores [stage, model, item]: minus NLL per token, mean probability of a token, probability of
        the whole answer, exact match; of a choice minus NLL per token, probability of the right one, the same among the
        listed, grade.
    accuracy
        For each size the share of right tokens [model, item]; empty of a choice.
    tokens
        Tokens of an answer as the method counts them: 1 of a choice.
    guess_nats
        NLL per token of a guesser who knows the answers' form; None where it is not known.
    means
        Noise-free means of the stages, the truth; [stage, rungs].
    options
        Of a choice, how many; else 0.
    facts
        What was drawn, for the tables.
    """

    x: Floats
    rungs: list[Floats]
    accuracy: list[Floats]
    tokens: int
    guess_nats: float | None
    means: Floats
    options: int = 0
    facts: dict[str, float | int | str | bool] = field(default_factory=dict)


def stream(seed: int, *names: str) -> np.random.Generator:
    """Return the random stream of these names."""
    digest = hashlib.blake2b("\0".join(names).encode(), digest_size=16).digest()
    return np.random.default_rng(np.random.SeedSequence([seed, int.from_bytes(digest)]))


@lru_cache(maxsize=8)
def beta_table(concentration: float) -> Floats:
    """Logits of the quantiles at `SCORES` of beta laws whose means are at `LEVELS`; [levels, scores]."""
    mean, u = expit(LEVELS)[:, None], norm.cdf(SCORES)[None]
    p = beta.ppf(u, mean * concentration, (1 - mean) * concentration)
    return np.asarray(np.clip(logit(np.clip(p, 1e-6, 1 - 1e-9)), -12, 12), dtype=float)


def token_logits(mean: Floats, score: Floats, concentration: float) -> Floats:
    """Logits of tokens whose law has a mean, at normal scores; both broadcast.

    >>> float(token_logits(np.array([1.0]), np.array([0.0]), 0.0)[0])
    1.0
    """
    if not concentration:
        return np.asarray(mean + ITEM_SD * score, dtype=float)
    mean, score = np.broadcast_arrays(mean, score)
    at = [
        (np.clip(v, axis[0], axis[-1]) - axis[0]) / (axis[1] - axis[0]) for v, axis in ((mean, LEVELS), (score, SCORES))
    ]
    return np.asarray(map_coordinates(beta_table(concentration), at, order=1), dtype=float)


@dataclass(frozen=True)
class Items:
    """What the items of a task bring to every model: normal scores, thresholds, guesses; the last axis is tokens."""

    score: Floats  # [items, tokens]
    shared: Floats  # [items]
    threshold: Floats  # [items, tokens]
    flip: Floats  # [items]
    rank: Floats  # [items]
    floor: Floats  # [items, tokens]
    guess: Floats  # [items, tokens]
    others: Floats  # [items, options - 1]

    @classmethod
    def draw(cls, n: int, skill: Skill, rng: np.random.Generator) -> "Items":
        """Draw n items of a task of this skill."""
        shape = (n, skill.tokens)
        shared = rng.standard_normal(n)
        score = np.sqrt(CORRELATION) * shared[:, None] + np.sqrt(1 - CORRELATION) * rng.standard_normal(shape)
        guess = np.zeros(shape)
        if skill.guesses:
            law = 1 / (3 + np.arange(skill.guesses))  # some tokens are commoner, as a first digit is
            law /= law.sum()
            guess = law[rng.choice(skill.guesses, size=shape, p=law)]
        return cls(
            score,
            shared,
            rng.uniform(0.15, 0.5, shape),
            rng.standard_normal(n),
            rng.random(n),
            rng.uniform(0, 2, shape),
            guess,
            0.6 * rng.standard_normal((n, max(skill.options - 1, 0))),
        )


def score(x: Floats, skill: Skill, law: Law, items: Items, noise: Floats, rng: np.random.Generator) -> Floats:
    """Score models [rungs, models] on items; the four stages and the share of right tokens: [5, rungs, models, items].

    `noise` is added to the models' logits. Of a choice the last is the grade again.
    """
    base = (skill.logit + noise)[:, :, None]
    if skill.flips_sd:
        early = x[:, None, None] < skill.flips_at + skill.flips_sd * items.flip
        base = np.where(early, skill.logit[0, 0], skill.logit[-1, -1]) + noise[:, :, None]
    still = items.rank >= skill.moving
    base = np.where(still, (skill.logit[:1, :1] + noise)[:, :, None], base)
    base = base + LUCK_SD * rng.standard_normal(base.shape[:2] + still.shape)  # [rungs, models, items]
    form = np.ones(len(x)) if skill.form is None else skill.form
    if skill.options:
        return _choices(base, form[:, None, None], skill, law, items, rng)
    p = expit(token_logits(base[..., None] + law.positions, items.score, law.concentration))
    form = form[:, None, None, None]
    p = (1 - p) * items.guess + p  # of an answer of the right form
    log_p = np.log(np.maximum(p * form, 1e-12)) - skill.floor_nats * items.floor
    right = (p > items.threshold) & (form > items.threshold) if law.greedy else rng.random(p.shape) < np.exp(log_p)
    return np.stack(
        [log_p.mean(-1), np.exp(log_p).mean(-1), np.exp(log_p.sum(-1)), right.all(-1), right.mean(-1)]
    ).astype(float)


def _choices(base: Floats, form: Floats, skill: Skill, law: Law, items: Items, rng: np.random.Generator) -> Floats:
    right = token_logits(base, items.shared, law.concentration)
    others = items.others + LUCK_SD * rng.standard_normal((*base.shape, skill.options - 1))
    among = log_softmax(np.concatenate([right[..., None], others], axis=-1), axis=-1)[..., 0]
    grade = right > others.max(-1)
    log_p = among + np.log(form)
    return np.stack([log_p / skill.tokens, np.exp(log_p), np.exp(among), grade, grade]).astype(float)


def plant(
    x: Floats, skill: Skill, law: Law, *, n_items: int, rng: np.random.Generator, guess_nats: float | None = None
) -> Task:
    """Score the models of a ladder on n items, and the noise-free models on many."""
    items = Items.draw(n_items, skill, rng)
    noise = law.noise * rng.standard_normal(skill.logit.shape)
    if skill.wild is not None:
        noise = noise + skill.wild * rng.standard_normal(skill.logit.shape)
    if skill.luck is not None:
        noise = noise + skill.luck[:, None]
    scores = score(x, skill, law, items, noise, rng)
    rungs = [np.ascontiguousarray(scores[:4, r]) for r in range(len(x))]
    accuracy = [] if skill.options else list(scores[4])
    if skill.guesses:
        guess_nats = float(-np.log(items.guess).mean())
    tokens = 1 if skill.options else skill.tokens
    return Task(x, rungs, accuracy, tokens, guess_nats, true_means(x, skill, law, rng), skill.options)


def true_means(x: Floats, skill: Skill, law: Law, rng: np.random.Generator) -> Floats:
    """Means of the four stages over many items, no model lucky or unlucky as a whole; [stage, rungs]."""
    n = int(np.clip(NUMBERS / (skill.logit.size * skill.tokens), 500, MANY))
    scores = score(x, skill, law, Items.draw(n, skill, rng), np.zeros(skill.logit.shape), rng)[:4]
    if not law.greedy and not skill.options:
        scores[3] = scores[2]  # of a drawn answer, without the draw's noise
    return np.asarray(scores.mean((2, 3)), dtype=float)
