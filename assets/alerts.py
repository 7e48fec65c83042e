"""Alerts where people look: asset checks, and messages to a webhook. What must not be here: what is out of the usual."""

import os
from typing import Any

import dagster as dg

from assets.marts import whole_asset
from assets.resources import Home
from pipeline.publish.alert_messages import sentence

# A Slack-compatible address. It is a secret, so it comes from the environment only.
WEBHOOK_VARIABLE = "FOOTFALL_ALERT_WEBHOOK"
DIGEST_VARIABLE = "FOOTFALL_DIGEST_WEBHOOK"


@dg.asset_check(
    asset="alerts", description="Rates of the newest day that are out of the usual; a warning, never a gate."
)
def newest_day_usual(home: dg.ResourceParam[Home]) -> dg.AssetCheckResult:
    """Warn of each metric that is out on the newest day with data."""
    found = home.newest_alerts()
    return dg.AssetCheckResult(
        passed=not found,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{len(found)} metrics are out of the usual" if found else "all is as usual",
        metadata={f"{number:03}": sentence(alert) for number, alert in enumerate(found, start=1)},
    )


@dg.asset_check(asset="data_problems", description="What makes numbers doubtful; a warning, never a gate.")
def no_data_problems(home: dg.ResourceParam[Home]) -> dg.AssetCheckResult:
    """Warn of each problem with the data that stands."""
    found = [each for each in home.published_problems() if each.severity == "problem"]
    return dg.AssetCheckResult(
        passed=not found,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{len(found)} problems with the data" if found else "nothing makes numbers doubtful",
        metadata={f"{number:03}": each.text for number, each in enumerate(found, start=1)},
    )


@dg.asset_check(asset="zone_metrics", description="Selectors of zones that no element fits any more; never a gate.")
def selectors_find_elements(home: dg.ResourceParam[Home]) -> dg.AssetCheckResult:
    """Warn of each selector that people's acts no longer meet, with the day on which they last did."""
    found = home.silent_selectors()
    return dg.AssetCheckResult(
        passed=not found,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={f"{number:03}": told for number, told in enumerate(found, start=1)},
    )


def digest_message_asset() -> dg.AssetsDefinition:
    """The week's digest as a message, sent once a week."""
    description = f"The digest of the last complete week, to the webhook in {DIGEST_VARIABLE}; each is sent once."

    def act(home: Home) -> dict[str, Any]:
        return {"sent": home.send_digest(os.environ.get(DIGEST_VARIABLE))}

    return whole_asset("digest_message", {"slack"}, description, ["report"], act)


def alert_messages_asset() -> dg.AssetsDefinition:
    """Messages about new alerts, each sent once."""
    description = f"Messages about alerts that began and problems with the data, to the webhook in {WEBHOOK_VARIABLE}; each is sent once."

    def act(home: Home) -> dict[str, Any]:
        return {"sent": home.send_alerts(os.environ.get(WEBHOOK_VARIABLE))}

    return whole_asset("alert_messages", {"slack"}, description, ["alerts", "data_problems"], act)
