"""Alerts where people look: asset checks, and messages to a webhook. What must not be here: what is out of the usual."""

import os
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


def newest_day_usual(names: Names) -> dg.AssetChecksDefinition:
    """Warn of each metric that is out on the newest day with data."""

    def look(home: Home) -> dg.AssetCheckResult:
        result = home.newest_alerts()
        return dg.AssetCheckResult(
            passed=not result,
            severity=dg.AssetCheckSeverity.WARN,
            description=f"{len(result)} metrics are out of the usual" if result else "all is as usual",
            metadata={f"{number:03}": sentence(alert) for number, alert in enumerate(result, start=1)},
        )

    return warning_check(names, "alerts", "newest_day_usual", "Rates of the newest day that are out of the usual", look)


def no_data_problems(names: Names) -> dg.AssetChecksDefinition:
    """Warn of each problem with the data that stands."""

    def look(home: Home) -> dg.AssetCheckResult:
        result = [each for each in home.published_problems() if each.severity == "problem"]
        return dg.AssetCheckResult(
            passed=not result,
            severity=dg.AssetCheckSeverity.WARN,
            description=f"{len(result)} problems with the data" if result else "nothing makes numbers doubtful",
            metadata={f"{number:03}": each.text for number, each in enumerate(result, start=1)},
        )

    return warning_check(names, "data_problems", "no_data_problems", "What makes numbers doubtful", look)


def selectors_find_elements(names: Names) -> dg.AssetChecksDefinition:
    """Warn of each selector that people's interactions no longer meet, with the day on which they last did."""

    def look(home: Home) -> dg.AssetCheckResult:
        result = home.silent_selectors()
        return dg.AssetCheckResult(
            passed=not result,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={f"{number:03}": sentence for number, sentence in enumerate(result, start=1)},
        )

    description = "Selectors of zones that no element fits any more"
    return warning_check(names, "zone_metrics", "selectors_find_elements", description, look)


def digest_message_asset(names: Names) -> dg.AssetsDefinition:
    """The week's digest as a message, sent once a week."""
    description = f"The digest of the last complete week, to the webhook in {DIGEST_VARIABLE}; each is sent once."

    def make(home: Home) -> dict[str, Any]:
        return {"sent": home.send_digest(os.environ.get(DIGEST_VARIABLE))}

    return whole_asset(names, "digest_message", {"slack"}, description, ["report"], make)


def alert_messages_asset(names: Names) -> dg.AssetsDefinition:
    """Messages about new alerts, each sent once."""
    description = f"Messages about alerts that began and problems with the data, to the webhook in {WEBHOOK_VARIABLE}; each is sent once."

    def make(home: Home) -> dict[str, Any]:
        return {"sent": home.send_alerts(os.environ.get(WEBHOOK_VARIABLE))}

    return whole_asset(names, "alert_messages", {"slack"}, description, ["alerts", "data_problems"], make)
