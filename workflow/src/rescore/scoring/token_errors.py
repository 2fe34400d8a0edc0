"""Whether the errors at the tokens of an answer go together."""

from collections.abc import Iterator

import numpy as np
import polars as pl

from rescore.scoring.runs import SUBTASK_KEYS
from rescore.tables import POSITIONS

DEPENDENCE = ("token_correlation", "token_correlation_low", "token_correlation_high", "dependence_reason")
"""The columns of POSITIONS that describe an answer's tokens together."""

_DRAWS = 999
_RARE_PAIRS = 5  # Cochran's rule for tables of counts; with fewer, draws without a pair make the interval too short
_DEFINED = 0.99  # share of the draws that must have a value: if five items give one, exp(-5) of the draws lack it
_CELLS = 2**21  # numbers in an array of some draws

ONE_TOKEN = "all answers are one token long"  # noqa: S105 - a reason, no secret
NO_VARIATION = "no correlation: fewer than two positions are right on some items and wrong on others"
FEW_PAIRS = "no interval: fewer than five pairs of the rarer outcome, right or wrong, would be expected"


def token_errors(answers: pl.DataFrame, *, seed: int = 0) -> pl.DataFrame:
    """Correlation of the tokens of an answer.

    With c_it = 1 where token t of item i is the model's first choice (given the true tokens before it), else 0, and
    over the items that have a token t, m_st the mean of c_is and v_st = m_st (1 - m_st) its variance:

    token_correlation = sum_i sum_{s<t} (c_is - m_st)(c_it - m_tt) / sum_i sum_{s<t} sqrt(v_st v_tt)

    This is the mean over pairs of positions of phi, Pearson's correlation of two binary variables, each pair weighted
    by its items and by sqrt(v_st v_tt), so that a position that is nearly always right counts little. Where all means
    are equal it is the pairwise estimator of the intraclass correlation of binary data (Ridout, Demetrio and Firth
    1999, Biometrics 55, 137-148). 0 is independence, 1 that an item's tokens are all right or all wrong.

    Items of different difficulty make it positive by themselves, even where a model's errors on one item are
    independent of each other. It therefore says whether p^k of *mean* accuracies may be used.

    The 95% interval is a percentile bootstrap over items. There is none where fewer than five pairs of tokens would be
    expected to be both wrong (or both right, whichever is rarer) if they were independent.

    Returns model, task, subtask and the columns `DEPENDENCE`: one row per model and subtask, in their order.
    """
    parts = answers.select(*SUBTASK_KEYS, "right").partition_by(SUBTASK_KEYS, as_dict=True, maintain_order=True)
    rows = [(*names, *_dependence(mine["right"], np.random.default_rng(seed))) for names, mine in parts.items()]
    schema = {name: POSITIONS.columns[name] for name in (*SUBTASK_KEYS, *DEPENDENCE)}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _dependence(right: pl.Series, rng: np.random.Generator) -> tuple[float | str | None, ...]:
    # Items that are right at the same tokens are one pattern, drawn as often as all of them.
    alike = pl.DataFrame({"bits": right.cast(pl.List(pl.String)).list.join("")}).group_by("bits").len().sort("bits")
    count = alike["len"].to_numpy()
    lengths = alike["bits"].str.len_bytes().to_numpy().astype(np.int64)  # [patterns]
    if lengths.max() == 1:
        return None, None, None, ONE_TOKEN
    patterns = np.zeros((len(lengths), lengths.max()))  # [patterns, positions]
    bits = np.frombuffer("".join(alike["bits"]).encode(), np.uint8) - ord("0")
    patterns[np.arange(lengths.max()) < lengths[:, None]] = bits
    [correlation], [rare_pairs] = _correlations(patterns, lengths, count[None].astype(float))
    if np.isnan(correlation):
        return None, None, None, NO_VARIATION
    drawn = np.empty(0)
    if rare_pairs >= _RARE_PAIRS:
        drawn = np.concatenate([_correlations(patterns, lengths, w)[0] for w in _resamples(count, patterns.shape, rng)])
    drawn = drawn[~np.isnan(drawn)]
    if len(drawn) < _DEFINED * _DRAWS:
        return float(correlation), None, None, FEW_PAIRS
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(correlation), float(low), float(high), None


def _resamples(count: np.ndarray, shape: tuple[int, int], rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Draw as many items as there are, with replacement: how many of each pattern, [draws, patterns]."""
    n, at_once = int(count.sum()), max(1, _CELLS // max(shape))
    for start in range(0, _DRAWS, at_once):
        yield rng.multinomial(n, count / n, size=min(at_once, _DRAWS - start)).astype(float)


def _correlations(right: np.ndarray, lengths: np.ndarray, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Correlation, NaN where it is not defined, and pairs of the rarer outcome expected if tokens are independent.

    The sum over pairs is the sum over t of c_it times the tokens right before it, less m_tt times the mean of these.
    The items that have a token t are those of a length of at least t, so lengths are taken from the longest down.

    `right` is [patterns, positions], 0 behind a pattern's end; `lengths` is [patterns]; `w`, the items of each pattern,
    is [draws, patterns]. Returns [draws] each.
    """
    before = np.cumsum(right, 1) - right  # tokens right before each: [patterns, positions]
    covaried, most, rare_pairs = w @ (before * right).sum(1), np.zeros(len(w)), np.zeros(len(w))
    n = np.zeros((len(w), 1))  # items that are long enough
    n_right, n_before = np.zeros((2, len(w), right.shape[1]))
    of_length = np.unique(lengths)
    for length, shorter in zip(of_length[::-1], [*of_length[-2::-1], 0], strict=True):
        mine, upto, new = lengths == length, slice(length), slice(shorter, length)
        n += w[:, mine].sum(1, keepdims=True)
        n_right += w[:, mine] @ right[mine]
        n_before += w[:, mine] @ before[mine]
        mean = np.nan_to_num(_divide(n_right[:, upto], n))
        covaried -= (mean * n_before[:, upto])[:, new].sum(1)
        most += n[:, 0] * _pairs(np.sqrt(mean * (1 - mean)))[:, new].sum(1)
        rare_pairs += n[:, 0] * _pairs(np.minimum(mean, 1 - mean))[:, new].sum(1)
    return _divide(covaried, np.where(most > 1e-9 * w.sum(1), most, 0)), rare_pairs


def _pairs(x: np.ndarray) -> np.ndarray:
    """Each position's x_t times the sum of those before it: [draws, positions]."""
    products: np.ndarray = x * (np.cumsum(x, 1) - x)
    return products


def _divide(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    quotient: np.ndarray = np.full(np.broadcast_shapes(a.shape, b.shape), np.nan)
    np.divide(a, b, out=quotient, where=b != 0)
    return quotient
