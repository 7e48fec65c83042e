"""Alerts where people look: asset checks, and messages to a webhook. What must not be here: what is out of the usual."""

import os
from collections.abc import Iterator
from typing import Any

import dagster as dg

from assets.checks import io_retries
from assets.metadata import OWNERS
from assets.resources import Home
from pipeline.alert_messages import sentence

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

    @dg.asset(
        name="digest_message",
        group_name="marts",
        kinds={"slack"},
        owners=OWNERS,
        description=f"The digest of the last complete week, to the webhook in {DIGEST_VARIABLE}; each is sent once.",
        deps=["report"],
        output_required=False,
    )
    def _asset(context: dg.AssetExecutionContext, home: dg.ResourceParam[Home]) -> Iterator[dg.MaterializeResult[Any]]:
        with io_retries(context):
            sent = home.send_digest(os.environ.get(DIGEST_VARIABLE))
        yield dg.MaterializeResult(metadata={"sent": sent})

    return _asset


def alert_messages_asset() -> dg.AssetsDefinition:
    """Messages about new alerts, each sent once."""

    @dg.asset(
        name="alert_messages",
        group_name="marts",
        kinds={"slack"},
        owners=OWNERS,
        description=f"Messages about alerts that began, to the webhook in {WEBHOOK_VARIABLE}; each is sent once.",
        deps=["alerts"],
        output_required=False,
    )
    def _asset(context: dg.AssetExecutionContext, home: dg.ResourceParam[Home]) -> Iterator[dg.MaterializeResult[Any]]:
        with io_retries(context):
            sent = home.send_alerts(os.environ.get(WEBHOOK_VARIABLE))
        yield dg.MaterializeResult(metadata={"sent": sent})

    return _asset
