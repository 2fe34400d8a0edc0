"""Lines and power laws by weighted least squares."""

from typing import NamedTuple

import numpy as np

from rescore.planning.curves import Floats

_STEPS = 25


class Line(NamedTuple):
    """A weighted least-squares line: slope, value and variance (before the scale) at the top, chi-squared."""

    slope: float
    at_top: float
    variance: float
    rss: float


class Laws(NamedTuple):
    """The same of -log(A C^-a), one for each offset; [offsets] each."""

    slope: Floats
    at_top: Floats
    variance: Floats
    rss: Floats


def fit_line(x: Floats, z: Floats, variance: Floats, top: float) -> Line:
    """Fit a line to `z`; [rungs] each.

    >>> round(fit_line(np.array([0.0, 1.0]), np.array([1.0, 3.0]), np.ones(2), top=2.0).at_top)
    5
    """
    X = np.column_stack([np.ones(len(x)), x - top]) / np.sqrt(variance)[:, None]
    y = z / np.sqrt(variance)
    covariance = np.linalg.inv(X.T @ X)
    at_top, slope = covariance @ X.T @ y
    residual = y - X @ np.array([at_top, slope])
    return Line(float(slope), float(at_top), float(covariance[0, 0]), float(residual @ residual))


def offset_laws(x: Floats, nll: Floats, variance: Floats, offsets: Floats, *, top: float) -> Laws:
    """Fit log NLL by log(E + A C^-a) for each of many offsets E, weighted least squares.

    Levenberg's damped steps, for all offsets at once, from the line through log(NLL - E).

    Parameters
    ----------
    x, nll, variance
        log10 FLOPs, nats, and the variance of log nats; [rungs].
    offsets
        Each below the smallest NLL; [offsets].
    top
        log10 FLOPs of the forecast.
    """
    design = np.column_stack([np.ones(len(x)), x - top])
    sd = np.sqrt(variance)
    starts = [fit_line(x, -np.log(nll - e), variance * (nll / (nll - e)) ** 2, top) for e in offsets]
    beta = np.array([[line.at_top, line.slope] for line in starts])  # [offsets, 2]

    def misfit(b: Floats) -> tuple[Floats, Floats]:
        above = np.exp(np.clip(-b @ design.T, -50.0, 50.0))  # [offsets, rungs]
        fitted = offsets[:, None] + above
        return (np.log(nll) - np.log(fitted)) / sd, (-above / fitted / sd)[:, :, None] * design

    residual, J = misfit(beta)  # [offsets, rungs], [offsets, rungs, 2]
    damping = np.full(len(offsets), 1e-3)
    for _ in range(_STEPS):
        curvature = _curvature(J)
        damped = curvature + damping[:, None, None] * curvature * np.eye(2)
        tried = beta + np.linalg.solve(damped, np.einsum("erp,er->ep", J, residual)[:, :, None])[:, :, 0]
        new_residual, new_J = misfit(tried)
        better = (new_residual**2).sum(1) <= (residual**2).sum(1)
        beta = np.where(better[:, None], tried, beta)
        residual = np.where(better[:, None], new_residual, residual)
        J = np.where(better[:, None, None], new_J, J)
        damping = np.where(better, damping / 10, damping * 10)
    variance_at_top: Floats = np.linalg.inv(_curvature(J))[:, 0, 0].astype(float)
    return Laws(beta[:, 1], beta[:, 0], variance_at_top, (residual**2).sum(1))


def _curvature(J: Floats) -> Floats:
    """J'J, kept from being singular where a law has run to its offset."""
    product = np.einsum("erp,erq->epq", J, J)
    return np.asarray(product + 1e-9 * np.eye(2))
