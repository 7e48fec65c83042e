"""Which channel led to a session: that of its first page view (docs/definitions/events.md, "Channels").

UTM names first, else the referrer, else `direct` where the source sends referrers. The built-in rules are those of GA4's
default channel group, shortened. Of an address only host and campaign parameters are looked at.
"""

import re
from collections.abc import Collection, Mapping
from functools import partial
from typing import NamedTuple
from urllib.parse import unquote_plus

import polars as pl

from pipeline.core.product import Product
from pipeline.core.product_settings import Channel
from pipeline.events.referrers import UNWANTED, channel_of_app, channel_of_host, is_among, is_one_owner, plain_host

DIRECT, UNKNOWN, REFERRAL, CAMPAIGN, NOT_MEASURED = "direct", "unknown", "referral", "campaign", "not measured"
_HOST = r"^[A-Za-z][A-Za-z0-9+.-]*://(?:[^/?#@]*@)?([^/?#:]+)"
_BARE_HOST = r"^(?://)?((?:[^\s/?#:@.]+\.)+[^\s/?#:@.]+)(?::[0-9]+)?(?:[/?#]|$)"
_APP = "android-app://"
# Parameters that ad networks add to the addresses they send people to.
_CLICK_IDS = r"(?i)[?&](?:amp;)?(?:gclid|gbraid|wbraid|msclkid|dclid)=[^&#]"
_PAID = re.compile(r".*cp.*|ppc|retargeting|paid.*", re.DOTALL)
_MEDIUMS: dict[str, str] = {
    medium: channel
    for channel, mediums in {
        "email": ("email", "e-mail", "e_mail", "e mail", "newsletter"),
        "affiliate": ("affiliate", "affiliates"),
        "display": ("display", "banner", "expandable", "interstitial"),
        "social": ("social", "social-network", "social-media", "social_network", "social_media", "social network", "social media", "sm"),
    }.items()
    for medium in mediums
}  # fmt: skip
# What these say yields to a source that is known.
_WEAK_MEDIUMS = {"organic": "search", "referral": REFERRAL}
_SOURCES: dict[str, str] = {
    source: channel
    for channel, sources in {
        "email": ("email", "e-mail", "newsletter", "gmail"),
        "social": (
            *("facebook", "fb", "instagram", "ig", "insta", "linkedin", "twitter", "x", "reddit", "pinterest", "tiktok"),
            *("threads", "mastodon", "bluesky", "bsky", "vk", "youtube", "messenger", "snapchat", "whatsapp", "telegram"),
            *("xing", "quora", "tumblr", "weibo", "discord"),
        ),
        "search": (
            *("google", "bing", "yahoo", "duckduckgo", "ecosia", "qwant", "startpage", "baidu", "yandex", "brave"),
            *("naver", "seznam", "sogou"),
        ),
        "assistant": ("chatgpt", "openai", "perplexity", "claude", "gemini", "copilot", "deepseek"),
    }.items()
    for source in sources
}  # fmt: skip
# As tools write that nothing was set.
_UNSET = frozenset({"(not set)", "not set", "(none)", "none", "null", "undefined", "(direct)"})


class _Visit(NamedTuple):
    """What tells of a page view's address and referrer; `is_told`: its source sends referrers."""

    host: str | None
    led_by: str | None
    is_app: bool
    medium: str | None
    source: str | None
    campaign: str | None
    is_clicked_ad: bool
    is_reported: bool


def channels(landed: pl.DataFrame, product: Product, telling: Collection[str]) -> pl.Series:
    """The channel of each page view in `landed` (`source`, `url`, `referrer`); null where none was measured.

    `telling` are the sources that send referrers. Each distinct address and referrer is looked at once.
    """
    asked = ["url", "referrer", "is_reported"]
    is_reported = pl.col("source").is_in(list(telling)) | pl.col("referrer").is_not_null()
    each = landed.select("url", "referrer", is_reported=is_reported.fill_null(value=False))
    pairs = each.unique()
    url, referrer = pl.col("url").fill_null(""), pl.col("referrer").fill_null("")
    facts = pairs.select(
        host=_host(url),
        led_by=_host(referrer),
        is_app=referrer.str.starts_with(_APP),
        medium=_parameter(url, "utm_medium"),
        source=_parameter(url, "utm_source"),
        campaign=_parameter(url, "utm_(?:campaign|id)"),
        is_clicked_ad=url.str.contains(_CLICK_IDS),
        is_reported="is_reported",
    )
    distinct = facts.unique(maintain_order=True)
    named = pl.Series(
        "channel", list(map(partial(_channel, product), map(_Visit._make, distinct.rows()))), dtype=pl.String
    )
    by_facts = facts.join(distinct.with_columns(named), on=facts.columns, nulls_equal=True, maintain_order="left")
    reported = pairs.with_columns(by_facts["channel"])
    return each.join(reported, on=asked, how="left", nulls_equal=True, maintain_order="left")["channel"]


def campaigns(urls: pl.Series) -> pl.Series:
    """`utm_campaign` of each address as it was sent, decoded; null where there is none. Each distinct one is decoded once."""
    sent = pl.select(_parameter(pl.lit(urls), "utm_campaign")).to_series()
    known = sent.unique().drop_nulls()
    decoded = [unquote_plus(raw).strip() for raw in known]
    named = [name if name.lower() not in {"", *_UNSET} else None for name in decoded]
    return sent.replace_strict(known, pl.Series(named, dtype=pl.String), default=None, return_dtype=pl.String)


def _host(address: pl.Expr) -> pl.Expr:
    return pl.coalesce(address.str.extract(_HOST, 1), address.str.extract(_BARE_HOST, 1))


def _parameter(url: pl.Expr, name: str) -> pl.Expr:
    return url.str.extract(rf"(?i)[?&](?:amp;)?{name}=([^&#]*)", 1)


def _value(raw: str | None) -> str:
    """A UTM value as it compares: decoded, trimmed, in lower case; "" where it says that nothing was set."""
    value = unquote_plus(raw or "").strip().lower()
    return "" if value in _UNSET else value


def _channel(product: Product, visit: _Visit) -> str | None:
    medium, source = _value(visit.medium), _value(visit.source)
    led_by = _led_by(product, visit)
    team = _team_channel(product.channels, medium, source, led_by)
    if team is not None:
        return team
    if _PAID.fullmatch(medium) or visit.is_clicked_ad:
        return "paid"
    stated = _MEDIUMS.get(medium) or _channel_of_source(source) or _WEAK_MEDIUMS.get(medium)
    if stated is not None or medium or source or _value(visit.campaign):
        return stated or CAMPAIGN
    if led_by and not is_among(led_by, (*UNWANTED, *product.unwanted_referrers)):
        return (channel_of_app(led_by) if visit.is_app else channel_of_host(led_by)) or REFERRAL
    return DIRECT if visit.is_reported else None


def _led_by(product: Product, visit: _Visit) -> str:
    """The plain host, or app, that led there; "" where none did or the team's own."""
    if visit.led_by is None:
        return ""
    if visit.is_app:
        led_by, is_own = visit.led_by.lower(), False
    else:
        led_by = plain_host(visit.led_by)
        is_own = visit.host is not None and is_one_owner(led_by, plain_host(visit.host))
    return "" if is_own or is_among(led_by, product.own_hosts) else led_by


def _team_channel(own: Mapping[str, Channel], medium: str, source: str, led_by: str) -> str | None:
    for name, channel in own.items():
        fits = medium in map(str.lower, channel.mediums) or source in map(str.lower, channel.sources)
        if fits or (led_by and is_among(led_by, channel.referrers)):
            return name
    return None


def _channel_of_source(source: str) -> str | None:
    """Of a name, or of a host where tools write one as the source."""
    return _SOURCES.get(source) or (channel_of_host(plain_host(source)) if "." in source else None)
