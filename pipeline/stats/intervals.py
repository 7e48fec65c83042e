"""Intervals of scores (docs/definitions/voice.md); the coverage that they reach is in the tests."""

from collections.abc import Mapping
from math import sqrt

from scipy.special import stdtrit

from pipeline.stats.like_for_like import Z95

LEAST_FOR_A_MEAN = 30
Interval = tuple[float, float] | None


def wilson(hits: float, n: float) -> Interval:
    """Wilson's interval of a share, as shares; `n` may be an effective number. None where n is 0."""
    if n <= 0:
        return None
    share, square = hits / n, Z95**2
    middle = (share + square / (2 * n)) / (1 + square / n)
    half = Z95 * sqrt(share * (1 - share) / n + square / (4 * n * n)) / (1 + square / n)
    return max(0.0, middle - half), min(1.0, middle + half)


def nps(promoters: float, detractors: float, n: float) -> Interval:
    """Interval of an NPS in points, with three quarters of a response added to both ends of the scale, 3 in all."""
    if n <= 0:
        return None
    high, low = (promoters + 0.75) / (n + 3), (detractors + 0.75) / (n + 3)
    half = Z95 * sqrt((high + low - (high - low) ** 2) / (n + 3))
    return max(-100.0, 100 * (high - low - half)), min(100.0, 100 * (high - low + half))


def mean(total: float, squares: float, n: int, design_effect: float = 1.0) -> Interval:
    """Student's interval of a mean from the sum and the sum of squares; None below 30 responses."""
    effective = n / design_effect
    if n < LEAST_FOR_A_MEAN or effective <= 1:
        return None
    middle = total / n
    variance = max(0.0, (squares - total * middle) / (n - 1))
    half = float(stdtrit(effective - 1, 0.975)) * sqrt(variance / effective)
    return middle - half, middle + half


def design_effect(row: Mapping[str, int]) -> float:
    """Variance of the mean with people as clusters, beside that with responses as draws; at least 1.

    `responses`, `points`, their sum, and `squares`, that of their squares; `clusters`, the people, and over them `nn`, the sum
    of squared numbers of responses, `ss` of squared points, `sn` of both multiplied.
    """
    n, total, clusters = row["responses"], row["points"], row["clusters"]
    if clusters == n or clusters < 2:  # noqa: PLR2004  # one person's answers have no spread between people
        return 1.0 if clusters == n else float(n)
    middle = total / n
    between = row["ss"] - 2 * middle * row["sn"] + middle * middle * row["nn"]
    within = row["squares"] - middle * total
    return max(1.0, between / within * clusters / (clusters - 1)) if within > 0 else 1.0


def of_score(kind: str, counts: Mapping[str, int], design_effect: float) -> Interval:
    """Interval of a score in its points, from `responses`, `high`, `low`, `points` and `squares`.

    Where people answer more than once, the formulas see as many responses as independent ones would tell as much:
    n / design effect, with the same shares.
    """
    n = counts["responses"]
    effective = n / design_effect
    if kind == "ces":
        return mean(counts["points"], counts["squares"], n, design_effect)
    if kind == "nps":
        return nps(counts["high"] / design_effect, counts["low"] / design_effect, effective)
    result = wilson(counts["high"] / design_effect, effective)
    return None if result is None else (100 * result[0], 100 * result[1])
