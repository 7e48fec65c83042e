"""Posting a message to a Slack-compatible webhook. The address is a secret: no message and no error ever shows it."""

import ipaddress
import os
import time
import urllib.request
from email.message import Message
from http import HTTPStatus
from http.client import HTTPException
from typing import IO
from urllib.error import HTTPError
from urllib.parse import urlsplit

import msgspec

ALLOW_HTTP_VARIABLE = "FOOTFALL_WEBHOOK_ALLOW_HTTP"
TRIES = 3
MAX_PAUSE_S = 30.0
_TIMEOUT_S = 10
_FIRST_PAUSE_S = 1.0


class WebhookError(OSError):
    """The message didn't get through; the sentence says why, without the address."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Where an address leads on, the message would go to somebody else."""

    def redirect_request(  # urllib's signature
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: Message,  # pyright: ignore[reportIncompatibleMethodOverride]
        newurl: str,
    ) -> None:
        """Follow none."""
        del self, req, fp, code, msg, headers, newurl


def post(webhook: str, text: str) -> None:
    """Post a text; tried three times where the other side is busy, fails or doesn't answer.

    Raises WebhookError, an OSError, where it can't be reached or refuses, and for an address that is not https; http
    is for this machine itself, or where FOOTFALL_WEBHOOK_ALLOW_HTTP=1 says so.
    """
    _check(webhook)
    body = msgspec.json.encode({"text": text})
    opener = urllib.request.build_opener(_NoRedirect)
    for attempt in range(1, TRIES + 1):
        try:
            request = urllib.request.Request(webhook, body, {"Content-Type": "application/json"})  # noqa: S310  # checked
            with opener.open(request, timeout=_TIMEOUT_S):
                return
        except HTTPError as fault:
            with fault:
                if attempt == TRIES or not _is_passing(fault.code):
                    raise WebhookError(_refused(fault.code)) from None
                pause = _pause(attempt, fault.headers.get("Retry-After"))
        except (OSError, HTTPException, ValueError) as fault:
            # Their words may quote the address.
            reason = getattr(fault, "reason", fault)
            if attempt == TRIES or isinstance(fault, HTTPException | ValueError):
                raise WebhookError(f"the webhook can't be reached ({type(reason).__name__})") from None
            pause = _pause(attempt, None)
        time.sleep(pause)


def _check(webhook: str) -> None:
    try:
        parts = urlsplit(webhook)
        host = parts.hostname or ""
    except ValueError:
        parts, host = urlsplit(""), ""
    if not host or parts.scheme not in ("https", "http"):
        raise WebhookError("the webhook must be an https address")
    if parts.scheme == "http" and not _is_here(host) and os.environ.get(ALLOW_HTTP_VARIABLE) != "1":
        raise WebhookError(
            f"the webhook must be an https address: over http everybody on the way reads it; {ALLOW_HTTP_VARIABLE}=1 allows it"
        )


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_passing(status: int) -> bool:
    return status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR


def _refused(status: int) -> str:
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return f"the webhook leads elsewhere (HTTP {status}), which isn't followed; give its final address"
    return f"the webhook refuses the message (HTTP {status})"


def _pause(attempt: int, retry_after: str | None) -> float:
    """Seconds until the next try: what the other side asks for, within bounds, else growing ones."""
    asked = float(retry_after) if retry_after and retry_after.isdecimal() else _FIRST_PAUSE_S * 4 ** (attempt - 1)
    return min(asked, MAX_PAUSE_S)
