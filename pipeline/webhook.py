"""Posting a message to a Slack-compatible webhook."""

import urllib.request
from http.client import HTTPException

import msgspec

_TIMEOUT_S = 10


def post(webhook: str, text: str) -> None:
    """Post a text. Raises OSError where the webhook can't be reached, refuses, or is no http address."""
    if not webhook.startswith(("https://", "http://")):
        raise OSError("the webhook must be an http or https address")
    request = urllib.request.Request(  # noqa: S310  # the scheme is checked above
        webhook, msgspec.json.encode({"text": text}), {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S):  # noqa: S310
            pass
    except HTTPException as fault:
        raise OSError(f"the webhook can't be used: {fault}") from None
