"""Whether the errors at the tokens of an answer go together, and what that does to whole answers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from rescore.scoring.runs import SUBTASK_KEYS
from rescore.tables import POSITIONS

_OF = ("token_correlation", "all_right_ratio")
_NAMES = tuple(f"{name}{end}" for name in _OF for end in ("", "_low", "_high"))

DEPENDENCE = {name: POSITIONS.columns[name] for name in (*_NAMES, "dependence_reason")}
"""The columns of POSITIONS that are of an answer's tokens together."""

_DRAWS = 999
_RARE_PAIRS = 5  # Cochran's rule for tables of counts; with fewer, draws without a pair make the interval too short
_DEFINED = 0.99  # an interval needs so many draws with a value: five items that bring one, since exp(-5) = .007
_CELLS = 2**21  # numbers in an array of some draws

NO_TOKEN = "no target has a token"  # noqa: S105 - a reason, no secret
ONE_TOKEN = "all answers are one token long"  # noqa: S105 - likewise
NO_VARIATION = "no correlation, no intervals: fewer than two positions are right on some items and wrong on others"
FEW_PAIRS = "no intervals: fewer than five pairs of the rarer outcome, right or wrong, would be expected"
NEVER_RIGHT = "no ratio: a token of every answer is right on no item"
FEW_RIGHT = "no interval of the ratio: too few answers are right at every token"


@dataclass(frozen=True)
class Independence:
    """How far the tokens of one subtask's answers are independent; arrays have an element a draw.

    Attributes
    ----------
    correlation
        Of two tokens of an answer; NaN where it is not defined.
    all_right
        Share of answers that are right at every token.
    product
        Mean over answers of the product of the accuracies of their positions.
    rare_pairs
        Pairs of tokens of an answer expected to be both wrong (both right, at a position mostly wrong) if independent.
    """

    correlation: np.ndarray
    all_right: np.ndarray
    product: np.ndarray
    rare_pairs: np.ndarray

    @property
    def ratio(self) -> np.ndarray:
        """all_right / product, 1 under independence; NaN where product is 0."""
        return _divide(self.all_right, self.product)


def token_errors(answers: pl.DataFrame, *, seed: int = 0) -> pl.DataFrame:
    """Correlation of the tokens of an answer, and answers all right against the product of position accuracies.

    With c_it = 1 where token t of item i is the model's first choice (given the true tokens before it), else 0, and
    over the items that have a token t, m_st the mean of c_is and v_st = m_st (1 - m_st) its variance:

    token_correlation = sum_i sum_{s<t} (c_is - m_st)(c_it - m_tt) / sum_i sum_{s<t} sqrt(v_st v_tt)

    This is the mean over pairs of positions of phi, Pearson's correlation of two binary variables, each pair weighted
    by its items and by sqrt(v_st v_tt): a position that is nearly always right says little of how errors go together,
    one that is always right nothing. Where all means are equal it is the pairwise estimator of the intraclass
    correlation of binary data, pairs weighted alike (Ridout, Demetrio and Firth 1999, Biometrics 55, 137-148).
    0 is independence, 1 that an item's tokens are all right or all wrong.

    Items of different difficulty make it positive by themselves, even where a model's errors on one item are
    independent of each other. It therefore says whether p^k of *mean* accuracies may be used.

    `all_right_ratio` is the share of items with all c_it = 1 over the mean over items of prod_t m_tt; 1 is
    independence. Intervals are percentiles of a bootstrap over items, 95%. There is none where fewer than five pairs of
    tokens would be expected to be both wrong (or both right, whichever is rarer) if they were independent: draws from
    items without such a pair know nothing of them. The ratio has none either where more than one draw in a hundred has
    no answer that is all right.

    Parameters
    ----------
    answers
        model, task, subtask, right (a list of 0 and 1): one row an item, as `answer_tokens` gives them. Items with an
        empty list are left out.
    seed
        Of the bootstrap.

    Returns
    -------
    polars.DataFrame
        model, task, subtask and the columns `DEPENDENCE`: one row per model and subtask, in their order.
    """
    parts = answers.select(*SUBTASK_KEYS, "right").partition_by(SUBTASK_KEYS, as_dict=True, maintain_order=True)
    rows = [
        _row(mine["right"], np.random.default_rng(seed)) | dict(zip(SUBTASK_KEYS, names, strict=True))
        for names, mine in parts.items()
    ]
    return pl.DataFrame(rows, schema={name: POSITIONS.columns[name] for name in (*SUBTASK_KEYS, *DEPENDENCE)})


def _row(right: pl.Series, rng: np.random.Generator) -> dict[str, Any]:
    """Return the columns of one subtask, from the lists of its items."""
    told = right.filter(right.list.len() > 0)
    n = len(told)
    row: dict[str, Any] = dict.fromkeys(DEPENDENCE)
    if n == 0:
        return row | {"dependence_reason": NO_TOKEN}
    # Items that are right at the same tokens weigh as one that is drawn as often as all of them.
    alike = pl.DataFrame({"bits": told.cast(pl.List(pl.String)).list.join("")}).group_by("bits").len().sort("bits")
    count = alike["len"].to_numpy()
    patterns = _Patterns.of(alike["bits"])
    found = patterns.weighed(count[None].astype(float))
    if patterns.lengths.max() == 1:
        return row | {"dependence_reason": ONE_TOKEN}
    drawn = list(patterns.drawn(count, rng)) if found.rare_pairs[0] >= _RARE_PAIRS else []
    low, high = _interval([draw.correlation for draw in drawn])
    row |= {
        "token_correlation": _told(found.correlation[0]),
        "token_correlation_low": low,
        "token_correlation_high": high,
    }
    low, high = _interval([np.where(draw.all_right > 0, draw.ratio, np.nan) for draw in drawn])
    row |= {"all_right_ratio": _told(found.ratio[0]), "all_right_ratio_low": low, "all_right_ratio_high": high}
    reasons = (
        NO_VARIATION if row["token_correlation"] is None else None,
        NEVER_RIGHT if row["all_right_ratio"] is None else None,
        FEW_RIGHT if drawn and row["all_right_ratio"] is not None and low is None else None,
        FEW_PAIRS if row["token_correlation"] is not None and row["token_correlation_low"] is None else None,
    )
    return row | {"dependence_reason": "; ".join(filter(None, reasons)) or None}


@dataclass(frozen=True)
class _Patterns:
    """Distinct answers, as which of their tokens are right.

    Attributes
    ----------
    right
        1 where the pattern has a token there and it is right, else 0: [patterns, positions].
    lengths
        Tokens of each: [patterns].
    """

    right: np.ndarray
    lengths: np.ndarray

    @classmethod
    def of(cls, bits: pl.Series) -> "_Patterns":
        """Read texts of 0 and 1, none of them empty."""
        lengths = bits.str.len_bytes().to_numpy().astype(np.int64)
        present = np.arange(lengths.max()) < lengths[:, None]
        right = np.zeros(present.shape)
        right[present] = np.frombuffer("".join(bits).encode(), np.uint8) - ord("0")
        return cls(right, lengths)

    def drawn(self, count: np.ndarray, rng: np.random.Generator) -> Iterator[Independence]:
        """Draw as many items as there are, with replacement, again and again."""
        n, at_once = int(count.sum()), max(1, _CELLS // max(self.right.shape))
        for start in range(0, _DRAWS, at_once):
            size = min(at_once, _DRAWS - start)
            yield self.weighed(rng.multinomial(n, count / n, size=size).astype(float))

    def weighed(self, w: np.ndarray) -> Independence:
        """Compute all numbers with `w` items of each pattern: [draws, patterns] -> [draws].

        The sum over pairs is that over t of c_it times the tokens right before it, less m_tt times the mean of these:
        the items that have a token t are those of a length of at least t, so lengths are taken from the longest down.
        """
        before = np.cumsum(self.right, 1) - self.right  # tokens right before each: [patterns, positions]
        covaried, most, rare_pairs = w @ (before * self.right).sum(1), np.zeros(len(w)), np.zeros(len(w))
        n = np.zeros((len(w), 1))  # items that are long enough
        n_right, n_before = np.zeros((2, len(w), self.right.shape[1]))
        accuracy = np.zeros_like(n_right)
        of_length = np.unique(self.lengths)
        for length, shorter in zip(of_length[::-1], [*of_length[-2::-1], 0], strict=True):
            mine, upto, new = self.lengths == length, slice(length), slice(shorter, length)
            n += w[:, mine].sum(1, keepdims=True)
            n_right += w[:, mine] @ self.right[mine]
            n_before += w[:, mine] @ before[mine]
            mean = np.nan_to_num(_divide(n_right[:, upto], n))
            accuracy[:, new] = mean[:, new]
            covaried -= (mean * n_before[:, upto])[:, new].sum(1)
            most += n[:, 0] * _pairs(np.sqrt(mean * (1 - mean)))[:, new].sum(1)
            rare_pairs += n[:, 0] * _pairs(np.minimum(mean, 1 - mean))[:, new].sum(1)
        items = w.sum(1)
        return Independence(
            correlation=_divide(covaried, np.where(most > 1e-9 * items, most, 0)),
            all_right=w @ (self.right.sum(1) == self.lengths) / items,
            product=(w * np.cumprod(accuracy, 1)[:, self.lengths - 1]).sum(1) / items,
            rare_pairs=rare_pairs,
        )


def _pairs(x: np.ndarray) -> np.ndarray:
    """Each position's x_t times the sum of those before it: [draws, positions]."""
    products: np.ndarray = x * (np.cumsum(x, 1) - x)
    return products


def _divide(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Divide, NaN where b is 0."""
    quotient: np.ndarray = np.divide(a, b, out=np.full(np.broadcast_shapes(a.shape, b.shape), np.nan), where=b != 0)
    return quotient


def _told(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _interval(drawn: Sequence[np.ndarray]) -> tuple[float, float] | tuple[None, None]:
    """95% percentile interval; none where too few draws have a value."""
    values = np.concatenate([np.empty(0), *drawn])
    values = values[~np.isnan(values)]
    if len(values) < _DEFINED * _DRAWS:
        return None, None
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)
