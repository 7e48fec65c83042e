"""Comparisons from sufficient statistics that add up: means, proportions, ratios, CUPED, always-valid intervals.

Definitions: docs/definitions/value.md. Sources: Deng, Knoblich, Lu 2018 (delta method), Deng et al. 2013 (CUPED),
Johari et al. 2022 (the mixture test behind the always-valid interval). Degenerate input gives None, never a guess.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, erfc, exp, log, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc, gammaln, ndtri, stdtr, stdtrit

from pipeline.stats.like_for_like import Z95

ALPHA = 0.05
# Standard errors between 0 and an effect that 4 of 5 experiments find at 5 %.
POWER_ERRORS = Z95 + float(ndtri(0.8))
SAMPLE_RATIO_ALARM = 0.01
# How near to the weights the shares of a wrong division are thought to lie: about 5 points of 50.
_CONCENTRATION = 100.0
# More is as much as a table needs to hold.
MOST_E = 1e12


@dataclass(frozen=True)
class Moments:
    """Sums over `n` people: y the outcome, d what it is divided by (None: by people), x the same outcome before."""

    n: int
    y: float
    yy: float
    d: float = 0.0
    dd: float = 0.0
    yd: float = 0.0
    x: float = 0.0
    xx: float = 0.0
    xy: float = 0.0

    def variance(self) -> float:
        """Variance of y between people."""
        return _variance(self.n, self.y, self.y, self.yy)


def _variance(n: int, a: float, b: float, ab: float) -> float:
    """Covariance of a and b from their sums."""
    return (ab - a * b / n) / (n - 1)


@dataclass(frozen=True)
class Difference:
    """Variant less control, its standard error, degrees of freedom (None: normal) and two-sided p."""

    control: float
    treatment: float
    effect: float
    error: float
    p_value: float
    freedom: float | None = None

    def interval(self) -> tuple[float, float]:
        """The 95 % interval for one look."""
        width = Z95 if self.freedom is None else float(stdtrit(self.freedom, 1 - ALPHA / 2))
        return self.effect - width * self.error, self.effect + width * self.error


def means(control: Moments, variant: Moments) -> Difference | None:
    """Welch's test of two means; None where a side has no spread or under 2 people."""
    if min(control.n, variant.n) < 2:  # noqa: PLR2004  # a variance needs two
        return None
    parts = [each.variance() / each.n for each in (control, variant)]
    square = sum(parts)
    if square <= 0:
        return None
    freedom = square**2 / sum(part**2 / (each.n - 1) for part, each in zip(parts, (control, variant), strict=True))
    before, after = control.y / control.n, variant.y / variant.n
    error = sqrt(square)
    return Difference(before, after, after - before, error, _two_sided((after - before) / error, freedom), freedom)


def proportions(control: Moments, variant: Moments) -> Difference | None:
    """Two proportions: p by the pooled error, the interval by each side's own."""
    if min(control.n, variant.n) < 1:
        return None
    before, after = control.y / control.n, variant.y / variant.n
    pooled = (control.y + variant.y) / (control.n + variant.n)
    null_error = sqrt(pooled * (1 - pooled) * (1 / control.n + 1 / variant.n))
    error = sqrt(before * (1 - before) / control.n + after * (1 - after) / variant.n)
    if null_error <= 0 or error <= 0:
        return None
    return Difference(before, after, after - before, error, _two_sided((after - before) / null_error))


def ratios(control: Moments, variant: Moments) -> Difference | None:
    """Two ratios of sums, sum y / sum d, by the delta method over people; None where a denominator is 0."""
    if min(control.n, variant.n) < 2 or min(control.d, variant.d) <= 0:  # noqa: PLR2004
        return None
    square = 0.0
    result: list[float] = []
    for each in (control, variant):
        ratio = each.y / each.d
        spread = (
            _variance(each.n, each.y, each.y, each.yy)
            - 2 * ratio * _variance(each.n, each.y, each.d, each.yd)
            + ratio**2 * _variance(each.n, each.d, each.d, each.dd)
        )
        square += max(0.0, spread) * each.n / each.d**2
        result.append(ratio)
    if square <= 0:
        return None
    effect, error = result[1] - result[0], sqrt(square)
    return Difference(result[0], result[1], effect, error, _two_sided(effect / error))


def _two_sided(away: float, freedom: float | None = None) -> float:
    return erfc(abs(away) / sqrt(2)) if freedom is None else float(2 * stdtr(freedom, -abs(away)))


@dataclass(frozen=True)
class Adjusted:
    """A difference less what the time before explains; `kept` is the share of the variance left, 1 - R²."""

    effect: float
    error: float
    kept: float


def cuped(control: Moments, variant: Moments) -> Adjusted | None:
    """The difference of means adjusted by x; one slope for both sides; None where x or y has no spread."""
    sides = (control, variant)
    if min(each.n for each in sides) < 2:  # noqa: PLR2004
        return None
    within = [(each.n - 1, each) for each in sides]
    xx = sum(w * _variance(e.n, e.x, e.x, e.xx) for w, e in within)
    xy = sum(w * _variance(e.n, e.x, e.y, e.xy) for w, e in within)
    yy = sum(w * e.variance() for w, e in within)
    if xx <= 0 or yy <= 0:
        return None
    slope = xy / xx
    square = sum(
        (e.variance() - 2 * slope * _variance(e.n, e.x, e.y, e.xy) + slope**2 * _variance(e.n, e.x, e.x, e.xx)) / e.n
        for e in sides
    )
    means_y, means_x = [e.y / e.n for e in sides], [e.x / e.n for e in sides]
    effect = means_y[1] - means_y[0] - slope * (means_x[1] - means_x[0])
    return Adjusted(effect, sqrt(max(0.0, square)), 1 - xy**2 / (xx * yy))


def always_valid(effect: float, error: float, minimum_effect: float, alpha: float = ALPHA) -> tuple[float, float]:
    """An interval that covers at all looks together with 1 - alpha; `minimum_effect` is fixed beforehand.

    d +- sqrt(V (V + t2) / t2 x ln((V + t2) / (alpha^2 V))), V the squared standard error, t2 the squared minimum effect.
    """
    v, t2 = error**2, minimum_effect**2
    half = sqrt(v * (v + t2) / t2 * log((v + t2) / (alpha**2 * v)))
    return effect - half, effect + half


def sample_ratio_p(observed: Sequence[float], expected: Sequence[float]) -> float | None:
    """Chance of a division as uneven as `observed` where `expected` was planned; None below two planned sides."""
    sides = [(o, e) for o, e in zip(observed, expected, strict=True) if e > 0 or o > 0]
    if len(sides) < 2 or sum(o for o, _ in sides) == 0:  # noqa: PLR2004
        return None
    if any(e <= 0 for _, e in sides):
        return 0.0
    square = sum((o - e) ** 2 / e for o, e in sides)
    return float(chdtrc(len(sides) - 1, square))


def sample_ratio_e(looks: Sequence[tuple[Sequence[float], Sequence[float]]]) -> float:
    """The largest e-value, over all looks, against the weights: of 100 fair experiments one ever reaches 100.

    A look is the people who came since the one before, by variant, and the weights in force. The likelihood of a mixture
    of Dirichlet distributions around the weights over that of the weights themselves; where weights change it begins anew
    and multiplies. Lindon, Malek 2022, "Anytime-valid inference for multinomial count data".
    """
    largest = ended = now = 0.0
    came: NDArray[np.float64] | None = None
    before: tuple[float, ...] = ()
    for people, weights in looks:
        whole = sum(weights)
        known = [(n, w / whole) for n, w in zip(people, weights, strict=True) if w > 0]
        if sum(n for n, _ in known) < sum(people):
            return MOST_E
        if came is None or tuple(weights) != before:
            ended, came, before = ended + now, np.zeros(len(known)), tuple(weights)
        came = came + np.array([n for n, _ in known])
        now = _log_mixture(came, np.array([share for _, share in known]))
        largest = max(largest, ended + now)
    return min(MOST_E, exp(min(largest, log(MOST_E))))


def _log_mixture(came: NDArray[np.float64], shares: NDArray[np.float64]) -> float:
    """Log of the likelihood ratio where shares are drawn from a Dirichlet distribution around those planned."""
    around = _CONCENTRATION * shares
    mixed = gammaln(_CONCENTRATION) - gammaln(_CONCENTRATION + came.sum())
    return float(mixed + (gammaln(around + came) - gammaln(around)).sum() - (came * np.log(shares)).sum())


def days_until(error: float, minimum_effect: float, people: int, people_a_day: float) -> int | None:
    """Days until `minimum_effect` is found in 4 of 5 experiments, at `people_a_day` more; None: nobody comes."""
    needed = people * (error * POWER_ERRORS / minimum_effect) ** 2
    if needed <= people:
        return 0
    return None if people_a_day <= 0 else ceil((needed - people) / people_a_day)
