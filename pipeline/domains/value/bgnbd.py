"""BG/NBD and Gamma-Gamma: how often people will buy again, and for how much a time.

Sources: Fader, Hardie, Lee 2005, "Counting your customers the easy way"; Fader, Hardie 2013, "The Gamma-Gamma model of
monetary value". No kept library fits them without a sampler; the likelihoods are a few lines over scipy.
Fitted in one thread over rows in a fixed order, rounded to 6 significant digits.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import betaincinv, betaln, digamma, expit, gammaln, hyp2f1

Floats = NDArray[np.float64]
# Value and gradient.
Loss = Callable[[Floats], tuple[float, Floats]]
LEAST_PEOPLE = 100
_DIGITS = 6
# Parameters that run away (e^10) are none: the purchases tell no difference between people.
_LARGEST = 10.0
# So near to where a quotient has no value its two sides are looked at instead.
_STEP = 1e-5
# Of the integral that stands in where the library has no value.
_NODES = 400
_TINY = 1e-200


@dataclass(frozen=True)
class BgNbd:
    """Parameters of purchases and leaving, and the log-likelihood at them."""

    r: float
    alpha: float
    a: float
    b: float
    log_likelihood: float


@dataclass(frozen=True)
class GammaGamma:
    """Parameters of the value of a purchase, and the log-likelihood at them."""

    p: float
    q: float
    v: float
    log_likelihood: float


def fit_bg_nbd(x: Floats, t_x: Floats, t: Floats) -> BgNbd | None:
    """From repeat purchases, time of the last one and time observed, one entry a person, all times in one unit.

    None where fewer than 100 people are there, nobody bought again, or people don't differ so that it can be told.
    """
    if len(x) < LEAST_PEOPLE or not (x > 0).any():
        return None
    # Equal people are one, counted: most bought once.
    rows, counts = np.unique(np.column_stack([x, t_x, t]), axis=0, return_counts=True)
    loss = _purchases_loss(rows, counts / len(x))
    logs, least = _least(loss, np.log([0.5, max(1.0, float(np.median(t)) / 4), 0.8, 2.5]))
    if logs.max() > _LARGEST:
        return None
    result = [rounded(each) for each in np.exp(logs)]
    return BgNbd(*result, log_likelihood=rounded(-least * len(x)))


def _purchases_loss(rows: Floats, weights: Floats) -> Loss:
    """Minus the log-likelihood of BG/NBD a person, and its gradient, by logarithms of r, alpha, a and b.

    `rows` are x, t_x and t of people, `weights` their shares. Numbers of purchases and times are few, so what is asked of
    them alone is worked out once for each that there is.
    """
    (xs, of_x), (ts, of_t), (ends, of_end) = (np.unique(column, return_inverse=True) for column in rows.T)
    repeat, has_repeat = np.maximum(xs, 1), xs[of_x] > 0

    def loss(logs: Floats) -> tuple[float, Floats]:
        r, alpha, a, b = np.exp(logs)
        head = gammaln(r + xs) - gammaln(r) + r * np.log(alpha)
        at_end, at_last = np.log(alpha + ends)[of_end], np.log(alpha + ts)[of_t]
        times = (r + xs)[of_x]
        stays = (head + betaln(a, b + xs) - betaln(a, b))[of_x] - times * at_end
        left = (head + betaln(a + 1, b + repeat - 1) - betaln(a, b))[of_x] - times * at_last
        each = np.where(has_repeat, np.logaddexp(stays, left), stays)
        # How likely it is that who bought again left then.
        gone = np.where(has_repeat, np.exp(left - each), 0.0)
        by_r = (digamma(r + xs) - digamma(r) + np.log(alpha))[of_x] - at_end + gone * (at_end - at_last)
        after_end, after_last = (1 / (alpha + ends))[of_end], (1 / (alpha + ts))[of_t]
        by_alpha = r / alpha - times * (after_end + gone * (after_last - after_end))
        both = (digamma(a + b) - digamma(a + b + xs))[of_x]
        by_a = both + gone / a
        by_b = both + (digamma(b + xs) - digamma(b))[of_x] - gone * (1 / (b + repeat - 1))[of_x]
        slopes = np.array([float((weights * slope).sum()) for slope in (by_r, by_alpha, by_a, by_b)])
        return -float((weights * each).sum()), -slopes * np.array([r, alpha, a, b])

    return loss


def fit_gamma_gamma(x: Floats, mean: Floats) -> GammaGamma | None:
    """From numbers of purchases and their mean values, both above 0. None where fewer than 100 people are there, or they don't differ."""
    if len(x) < LEAST_PEOPLE:
        return None

    whole, log_x, log_mean = x * mean, np.log(x), np.log(mean)

    def loss(logs: Floats) -> tuple[float, Floats]:
        p, q, v = np.exp(logs)
        px, log_all = p * x, np.log(whole + v)
        each = (
            gammaln(px + q) - gammaln(px) - gammaln(q) + q * np.log(v)
            + (px - 1) * log_mean + px * log_x - (px + q) * log_all
        )  # fmt: skip
        both = digamma(px + q)
        slopes = (
            x * (both - digamma(px) + log_mean + log_x - log_all),
            both - digamma(q) + np.log(v) - log_all,
            q / v - (px + q) / (whole + v),
        )
        return -float(each.mean()), -np.array([float(slope.mean()) for slope in slopes]) * np.array([p, q, v])

    logs, least = _least(loss, np.log([5.0, 4.0, max(1e-6, float(np.median(mean)))]))
    if logs.max() > _LARGEST + abs(float(np.log(np.median(mean)))):
        return None
    result = [rounded(each) for each in np.exp(logs)]
    # Without a mean (q <= 1) there is no value to expect.
    if result[1] <= 1:
        return None
    return GammaGamma(*result, log_likelihood=rounded(-least * len(x)))


def _least(loss: Loss, start: Floats) -> tuple[Floats, float]:
    """Where a smooth loss with a gradient is least, in logarithms of parameters."""
    options = {"maxiter": 2_000, "maxfun": 4_000, "gtol": 1e-10, "ftol": 1e-15}
    bounds = [(-12.0, 14.0)] * len(start)
    rough = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
    # Again from where it ended: what it had learnt of the slopes on its way is forgotten.
    fine = minimize(loss, rough.x, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
    return np.asarray(fine.x, dtype=np.float64), float(fine.fun)


def expected_purchases(model: BgNbd, x: Floats, t_x: Floats, t: Floats, ahead: float) -> Floats:
    """Purchases that each person is expected to make in the next `ahead` units of time."""
    share = ahead / (model.alpha + t + ahead)
    return np.maximum(0.0, _ahead(model, x, share) * chance_alive(model, x, t_x, t))


def _ahead(model: BgNbd, x: Floats, share: Floats) -> Floats:
    """Purchases ahead of who is still a customer, where what lies ahead is `share` of all time.

    Fader, Hardie, Lee (2005), equation 10, after Euler's transformation of its series, without which it overflows for who
    buys often: (1 - z)^(a-1) 2F1(a+b-1-r, a-1; a+b+x-1; z).
    """
    r, a, b = model.r, model.a, model.b
    # At a = 1, and a + b = 1 without repeats, both sides of a quotient vanish: there the mean of what lies on both sides is
    # the limit.
    if abs(a - 1) < _STEP:
        return _on_both_sides(model, "a", x, share)
    if abs(a + b - 1) < _STEP and (x == 0).any():
        return _on_both_sides(model, "b", x, share)
    c = a + b + x - 1
    odds = np.broadcast_to(share / (1 - share), x.shape)
    with np.errstate(all="ignore"):
        result = c / (a - 1) * (1 - (1 - share) ** (a - 1) * hyp2f1(a + b - 1 - r, a - 1, c, share))
        # Who never leaves buys at least as often. Beyond, the library has no value: for large parameters, much time ahead, or
        # where r - a is whole.
        lacking = ~((result >= 0) & (result <= (r + x) * odds))
    if lacking.any():
        result[lacking] = _by_integral(model, x[lacking], odds[lacking])
    return result


def _by_integral(model: BgNbd, x: Floats, odds: Floats) -> Floats:
    """The same as a mean over the chance p to leave after a purchase, of Beta(a, b + x): (1 - (1 + odds p)^-(r + x)) / p."""
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    # Quantiles are steep at both ends: over a smooth step what is summed is flat there, and sums are right to 13 digits.
    w = (nodes + 1) / 2
    quantile, width = w**3 * (10 - 15 * w + 6 * w**2), 30 * w**2 * (1 - w) ** 2
    # Where p is too small for a number its limit stands: (r + x) odds.
    p = np.maximum(betaincinv(model.a, model.b + x[:, None], quantile), _TINY)
    return -np.expm1(-(model.r + x[:, None]) * np.log1p(odds[:, None] * p)) / p @ (weights * width) / 2


def _on_both_sides(model: BgNbd, name: str, x: Floats, share: Floats) -> Floats:
    value: float = getattr(model, name)
    sides = (replace(model, **{name: value + step}) for step in (-2 * _STEP, 2 * _STEP))
    return np.mean([_ahead(each, x, share) for each in sides], axis=0)


def chance_alive(model: BgNbd, x: Floats, t_x: Floats, t: Floats) -> Floats:
    """Chance that each person is still a customer; 1 for who never bought again."""
    r, alpha, a, b = model.r, model.alpha, model.a, model.b
    log_odds_left = np.log(a / (b + np.maximum(x, 1) - 1)) + (r + x) * np.log((alpha + t) / (alpha + t_x))
    return np.where(x > 0, expit(-log_odds_left), 1.0)


def expected_value(model: GammaGamma, x: Floats, mean: Floats) -> Floats:
    """Value that each person's next purchases are expected to have, in the mean."""
    p, q, v = model.p, model.q, model.v
    return p * (v + x * mean) / (p * x + q - 1)


def rounded(value: float) -> float:
    """A fitted number to 6 significant digits."""
    return float(f"{value:.{_DIGITS}g}")
