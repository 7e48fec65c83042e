"""Alerts and problems with the data as messages: a Slack-compatible body for a webhook, each told once."""

from datetime import date
from typing import Any

import msgspec
import polars as pl

from pipeline.core.keys import mart_key
from pipeline.core.lake import Lake
from pipeline.core.product import Product
from pipeline.core.sealed import read_sealed
from pipeline.core.states import published_days
from pipeline.events.problem import Problem, current, latest, newest_of, problems_of
from pipeline.publish.webhook import post

SENT_KEY = "lake/_state/alerts_sent.json"
PROBLEMS_SENT_KEY = "lake/_state/problems_sent.json"
_MOST = 20
# A run may compute several days at once.
_DAYS_TOLD = 7


def newest_alerts(lake: Lake, days: int = 1) -> list[dict[str, Any]]:
    """Alerts of the newest days with data, the surest first; empty before the mart is there."""
    known = published_days(lake, "daily_sessions")[-days:]
    if not known or not lake.exists(mart_key("alerts")):
        return []
    result = pl.read_parquet(lake.path(mart_key("alerts"))).filter(pl.col("day").is_in(known))
    return result.sort("q_value", "metric", "page", "zone", "device_type").rows(named=True)


def sentence(alert: dict[str, Any]) -> str:
    """An alert in words, with its size, since when, and what to look at."""
    where = "/".join(filter(None, (alert["page"], alert["zone"]))) or "the whole product"
    device = f" on {alert['device_type']}" if alert["device_type"] else ""
    moved = "rose" if alert["rate"] > alert["expected"] else "fell"
    since = "" if alert["since"] == alert["day"] else f", since {alert['since']:%d %b}"
    looked = f"; sessions to look at: {alert['example_sessions']}" if alert["example_sessions"] else ""
    return (
        f"{alert['metric'].replace('_', ' ')} of {where}{device} {moved} to {alert['rate']:.1%} "
        f"(expected {alert['expected']:.1%}, n = {alert['n']:,}) on {alert['day']:%d %b}{since}{looked}"
    )


def send_new(lake: Lake, product: Product, webhook: str | None) -> int:
    """Post the alerts that began and were not told yet to `webhook`; returns how many. Without a webhook none is.

    Raises OSError where the webhook can't be reached or refuses; then nothing counts as told.
    """
    result = newest_alerts(lake, _DAYS_TOLD)
    if not webhook or not result:
        return 0
    reported = _sent_before(lake, SENT_KEY)
    # A stretch of days out is told once, whichever of its days came first.
    new = list({name: alert for alert in reversed(result) if (name := _name(alert)) not in reported}.values())[::-1]
    if not new:
        return 0
    lines = [f"• {sentence(alert)}" for alert in new[:_MOST]]
    more = [f"... and {len(new) - _MOST} more in the mart `alerts`"] if len(new) > _MOST else []
    post(webhook, "\n".join([f"*{product.name}*: out of the usual", *lines, *more]))
    lake.write(SENT_KEY, msgspec.json.encode(sorted(reported | {_name(alert) for alert in new})))
    return len(new)


def published_problems(lake: Lake, *, still_open: bool = True) -> list[Problem]:
    """The problems of the mart `data_problems`, each once; none before it is there."""
    names = ("data_problems", "daily_quality", "ingest_quality")
    if not all(lake.exists(mart_key(name)) for name in names):
        return []
    marts = {name: pl.read_parquet(lake.path(mart_key(name))) for name in names}
    result = latest(problems_of(marts["data_problems"]))
    return current(result, newest_of(marts)) if still_open else result


def send_problems(lake: Lake, product: Product, webhook: str | None) -> int:
    """Post the problems that stand and were not told yet to `webhook`; returns how many. Notes aren't posted.

    Raises OSError where the webhook can't be reached or refuses; then none counts as told.
    """
    result = [each for each in published_problems(lake) if each.severity == "problem"]
    if not webhook or not result:
        return 0
    reported = _sent_before(lake, PROBLEMS_SENT_KEY)
    new = [each for each in result if _problem_name(each) not in reported]
    if new:
        lines = [f"• {each.text}" for each in new[:_MOST]]
        more = [f"... and {len(new) - _MOST} more in the mart `data_problems`"] if len(new) > _MOST else []
        post(webhook, "\n".join([f"*{product.name}*: problems with the data", *lines, *more]))
        lake.write(PROBLEMS_SENT_KEY, msgspec.json.encode(sorted(reported | {_problem_name(each) for each in new})))
    return len(new)


def _problem_name(problem: Problem) -> str:
    return "|".join(map(str, problem.name))


def _sent_before(lake: Lake, key: str) -> set[str]:
    return set(read_sealed(lake, key, list[str]) or ())


def _name(alert: dict[str, Any]) -> str:
    """What is told once: a metric somewhere, from the day on which it went out."""
    since: date = alert["since"]
    keys = ("metric", "rule_set", "page", "zone", "zone_version", "device_type")
    return "|".join([*(str(alert[key]) for key in keys), since.isoformat()])
