"""Which channel led to a page view: the built-in rules are those of GA4's default channel group, shortened.

A session's channel is that of its first page view. Of an address only host and campaign parameters are looked at.
"""

from collections.abc import Iterable

import polars as pl

from pipeline.product import Product
from pipeline.product_value import Channel

DIRECT, UNKNOWN, REFERRAL, CAMPAIGN = "direct", "unknown", "referral", "campaign"
_HOST = r"^[A-Za-z][A-Za-z0-9+.-]*://(?:[^/?#@]*@)?([^/?#:]+)"
# Parameters that ad networks add to the addresses they send people to.
_CLICK_IDS = r"[?&](?:gclid|gbraid|wbraid|msclkid|dclid)="
_PAID = r"^(?:.*cp.*|ppc|retargeting|paid.*)$"
_BUILT_IN: dict[str, dict[str, tuple[str, ...]]] = {
    "email": {"mediums": ("email", "e-mail", "e_mail", "newsletter"), "sources": ("email", "newsletter")},
    "affiliate": {"mediums": ("affiliate", "affiliates")},
    "display": {"mediums": ("display", "banner", "expandable", "interstitial")},
    "social": {
        "mediums": ("social", "social-network", "social-media", "sm"),
        "referrers": (
            *("facebook.com", "instagram.com", "t.co", "x.com", "twitter.com", "linkedin.com", "lnkd.in", "reddit.com"),
            *("pinterest.com", "tiktok.com", "threads.net", "mastodon.social", "bsky.app", "vk.com", "youtube.com"),
        ),
    },
    "search": {
        "mediums": ("organic",),
        "referrers": (
            *("google.*", "bing.com", "duckduckgo.com", "yahoo.com", "ecosia.org", "qwant.com", "startpage.com"),
            *("baidu.com", "yandex.*", "search.brave.com"),
        ),
    },
    "assistant": {"referrers": ("chatgpt.com", "perplexity.ai", "copilot.microsoft.com", "gemini.google.com", "claude.ai")},
}  # fmt: skip


def channel_of(product: Product) -> pl.Expr:
    """The channel of a page view's `url` and `referrer`; null for events of another kind.

    The team's own channels come first, then paid ones, then the others; what comes from the page's own host is `direct`.
    """
    url, referrer = pl.col("url").fill_null(""), pl.col("referrer").fill_null("")
    medium, source = (
        url.str.extract(rf"[?&]{name}=([^&#]*)", 1).str.to_lowercase().fill_null("")
        for name in ("utm_medium", "utm_source")
    )
    host = referrer.str.extract(_HOST, 1).str.to_lowercase().str.strip_prefix("www.").fill_null("")
    own_host = url.str.extract(_HOST, 1).str.to_lowercase().str.strip_prefix("www.").fill_null("")
    is_own = (host != "") & ((host == own_host) | host.str.ends_with(pl.concat_str(pl.lit("."), own_host)))
    foreign = pl.when(is_own).then(pl.lit("")).otherwise(host)

    def fits(channel: Channel) -> pl.Expr:
        found = (medium.is_in(channel.mediums), source.is_in(channel.sources), _is_host(foreign, channel.referrers))
        return pl.any_horizontal(*found)

    named = pl.coalesce(
        *(pl.when(fits(channel)).then(pl.lit(name)) for name, channel in product.channels.items()),
        pl.when(medium.str.contains(_PAID) | url.str.contains(_CLICK_IDS)).then(pl.lit("paid")),
        # Assistants lie below hosts of search engines.
        *(
            pl.when(fits(Channel.model_validate(_BUILT_IN[name]))).then(pl.lit(name))
            for name in ("email", "affiliate", "display", "assistant", "social", "search")
        ),
        pl.when((medium != "") | (source != "")).then(pl.lit(CAMPAIGN)),
        pl.when(foreign != "").then(pl.lit(REFERRAL)),
        pl.lit(DIRECT),
    )
    return pl.when(pl.col("kind") == "page_view").then(named)


def _is_host(host: pl.Expr, names: Iterable[str]) -> pl.Expr:
    """Whether a host is one of `names` or lies below one; `google.*` is that name in every country."""
    tests: list[pl.Expr] = [pl.lit(value=False)]
    for name in names:
        if name.endswith(".*"):
            tests.append(host.str.contains(rf"(?:^|\.){name[:-2]}\.[a-z.]{{2,6}}$"))
        else:
            tests += [host == name, host.str.ends_with(f".{name}")]
    return pl.any_horizontal(*tests)
