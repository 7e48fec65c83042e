"""Alerts where people look: asset checks, and messages to a webhook. What must not be here: what is out of the usual."""

import os
from collections.abc import Callable, Sequence
from typing import Any

import dagster as dg

from assets.checks import warning_check
from assets.marts import whole_asset
from assets.names import Names
from assets.resources import Home
from pipeline.publish.alert_messages import sentence

# A Slack-compatible address. It is a secret, so it comes from the environment only.
WEBHOOK_VARIABLE = "FOOTFALL_ALERT_WEBHOOK"
DIGEST_VARIABLE = "FOOTFALL_DIGEST_WEBHOOK"


def _sentences_check(
    names: Names, asset: str, name: str, what: str, look: Callable[[Home], Sequence[str]]
) -> dg.AssetChecksDefinition:
    """A check that warns of each sentence that `look` finds; `what` says of how many things they speak."""

    def checked(home: Home) -> dg.AssetCheckResult:
        sentences = look(home)
        return dg.AssetCheckResult(
            passed=not sentences,
            severity=dg.AssetCheckSeverity.WARN,
            description=f"{len(sentences)} {what}",
            metadata={f"{number:03}": each for number, each in enumerate(sentences, start=1)},
        )

    return warning_check(names, asset, name, what.capitalize(), checked)


def newest_day_usual(names: Names) -> dg.AssetChecksDefinition:
    """Warn of each metric that is out on the newest day with data."""
    what = "metrics of the newest day that are out of the usual"
    return _sentences_check(
        names, "alerts", "newest_day_usual", what, lambda home: [sentence(alert) for alert in home.newest_alerts()]
    )


def no_data_problems(names: Names) -> dg.AssetChecksDefinition:
    """Warn of each problem with the data that stands."""

    def look(home: Home) -> list[str]:
        return [each.text for each in home.published_problems() if each.severity == "problem"]

    return _sentences_check(names, "data_problems", "no_data_problems", "problems with the data", look)


def selectors_find_elements(names: Names) -> dg.AssetChecksDefinition:
    """Warn of each selector that people's interactions no longer meet, with the day on which they last did."""
    what = "selectors of zones that no element fits any more"
    return _sentences_check(names, "zone_metrics", "selectors_find_elements", what, Home.silent_selectors)


def digest_message_asset(names: Names) -> dg.AssetsDefinition:
    """The week's digest as a message, sent once a week."""
    description = f"The digest of the last complete week, to the webhook in {DIGEST_VARIABLE}; each is sent once."

    def make(home: Home, _instance: dg.DagsterInstance) -> dict[str, Any]:
        return {"sent": home.send_digest(os.environ.get(DIGEST_VARIABLE))}

    return whole_asset(names, "digest_message", {"slack"}, description, ["report"], make)


def alert_messages_asset(names: Names) -> dg.AssetsDefinition:
    """Messages about new alerts, each sent once."""
    description = f"Messages about alerts that began and problems with the data, to the webhook in {WEBHOOK_VARIABLE}; each is sent once."

    def make(home: Home, _instance: dg.DagsterInstance) -> dict[str, Any]:
        return {"sent": home.send_alerts(os.environ.get(WEBHOOK_VARIABLE))}

    return whole_asset(names, "alert_messages", {"slack"}, description, ["alerts", "data_problems"], make)
