"""What a host that led to a page is: an engine, a network, a mailbox; and which hosts are one owner's.

By host lists and the public suffix list that tldextract bundles: nothing is asked of any network.
"""

from collections.abc import Iterable
from functools import lru_cache

from tldextract import TLDExtract

# The bundled list alone, with the hosts under which strangers live side by side (github.io, myshopify.com).
_extract = TLDExtract(suffix_list_urls=(), cache_dir=None, include_psl_private_domains=True)

# `name.*`: that name in every country. Search engines stand by themselves: what lies below them is something else.
_SEARCH = frozenset(
    {
        *("google.*", "bing.com", "cn.bing.com", "yahoo.*", "search.yahoo.*", "duckduckgo.com", "html.duckduckgo.com"),
        *("lite.duckduckgo.com", "ecosia.org", "qwant.com", "lite.qwant.com", "startpage.com", "baidu.com", "yandex.*"),
        *("ya.ru", "search.brave.com", "search.naver.com", "m.search.naver.com", "search.seznam.cz", "sogou.com"),
        *(
            "so.com",
            "kagi.com",
            "search.aol.com",
            "ask.com",
            "mojeek.com",
            "swisscows.com",
            "metager.org",
            "metager.de",
        ),
        *(
            "search.daum.net",
            "go.mail.ru",
            "suche.web.de",
            "suche.gmx.net",
            "suche.t-online.de",
            "lilo.org",
            "dogpile.com",
        ),
    }
)
_BELOW: dict[str, tuple[str, ...]] = {
    "email": (
        *("mail.google.com", "mail.yahoo.com", "outlook.live.com", "outlook.office.com", "outlook.office365.com"),
        *(
            "mail.ru",
            "navigator.gmx.net",
            "3c.gmx.net",
            "navigator.web.de",
            "3c.web.de",
            "mail.proton.me",
            "app.fastmail.com",
        ),
    ),
    "assistant": (
        *("chatgpt.com", "chat.openai.com", "perplexity.ai", "copilot.microsoft.com", "gemini.google.com"),
        *(
            "bard.google.com",
            "claude.ai",
            "deepseek.com",
            "chat.mistral.ai",
            "grok.com",
            "meta.ai",
            "poe.com",
            "you.com",
        ),
    ),
    "social": (
        *("facebook.com", "instagram.com", "t.co", "x.com", "twitter.com", "linkedin.com", "lnkd.in", "reddit.com"),
        *("pinterest.*", "tiktok.com", "threads.net", "threads.com", "mastodon.social", "bsky.app", "vk.com", "vk.ru"),
        *("youtube.com", "youtu.be", "messenger.com", "snapchat.com", "whatsapp.com", "wa.me", "t.me", "telegram.org"),
        *(
            "xing.com",
            "quora.com",
            "tumblr.com",
            "weibo.com",
            "discord.com",
            "nextdoor.com",
            "ok.ru",
            "fb.com",
            "fb.me",
        ),
    ),
    "search": ("search.yahoo.com",),
}
_APPS: dict[str, str] = {
    "com.google.android.googlequicksearchbox": "search",
    "com.google.android.gm": "email",
    "com.microsoft.office.outlook": "email",
    "com.yahoo.mobile.client.android.mail": "email",
    "com.google.android.youtube": "social",
    "com.facebook.katana": "social",
    "com.facebook.lite": "social",
    "com.facebook.orca": "social",
    "com.instagram.android": "social",
    "com.instagram.barcelona": "social",
    "com.linkedin.android": "social",
    "com.twitter.android": "social",
    "com.reddit.frontpage": "social",
    "com.pinterest": "social",
    "com.snapchat.android": "social",
    "com.whatsapp": "social",
    "com.zhiliaoapp.musically": "social",
    "org.telegram.messenger": "social",
    "com.duckduckgo.mobile.android": "search",
    "com.microsoft.bing": "search",
    "com.openai.chatgpt": "assistant",
    "com.anthropic.claude": "assistant",
    "com.google.android.apps.bard": "assistant",
    "com.microsoft.copilot": "assistant",
    "ai.perplexity.app.android": "assistant",
}
# People pay or sign in there and come back: these hosts lead nobody here.
UNWANTED: tuple[str, ...] = (
    *(
        "paypal.com",
        "checkout.stripe.com",
        "hooks.stripe.com",
        "klarna.*",
        "adyen.*",
        "worldpay.*",
        "accounts.google.*",
    ),
    *("accounts.youtube.com", "appleid.apple.com", "login.microsoftonline.com", "login.live.com", "login.yahoo.com"),
    *("passport.yandex.*",),
)
_MAILBOX = frozenset({"mail", "webmail"})


@lru_cache(maxsize=65_536)
def plain_host(host: str) -> str:
    """A host as hosts compare: in lower case and ASCII, without www., a final dot, scheme, port or path."""
    name = host.strip().lower().rpartition("://")[2].partition("/")[0].partition(":")[0].strip(".")
    try:
        name = name if name.isascii() else name.encode("idna").decode()
    except UnicodeError:
        # No name that could be registered; it compares as it is.
        return name
    return name.removeprefix("www.")


@lru_cache(maxsize=65_536)
def _parts(host: str) -> tuple[str, str, str]:
    """Subdomain, name and public suffix; of an unlisted suffix the last part counts as one."""
    result = _extract(host)
    if result.suffix or "." not in host or host.replace(".", "").isdigit():
        return result.subdomain, result.domain, result.suffix
    *below, name, suffix = host.split(".")
    return ".".join(below), name, suffix


def is_one_owner(host: str, other: str) -> bool:
    """Whether two plain hosts share the domain that somebody registered, or are equal."""
    if host == other:
        return True
    (_, name, suffix), theirs = _parts(host), _parts(other)[1:]
    return bool(name and suffix) and (name, suffix) == theirs


def is_among(host: str, names: Iterable[str]) -> bool:
    """Whether a plain host is one of `names` or lies below one; `google.*` is that name in every country."""
    below, name, _ = _parts(host)
    starred = f"{below}.{name}" if below else name
    return any(
        _is_below(starred, each[:-2]) if each.endswith(".*") else _is_below(host, plain_host(each)) for each in names
    )


def _is_below(host: str, name: str) -> bool:
    return host == name or host.endswith(f".{name}")


def channel_of_host(host: str) -> str | None:
    """The built-in channel of a plain host; None: no host that is known."""
    below, name, _ = _parts(host)
    for channel, names in _BELOW.items():
        if is_among(host, names):
            return channel
    if _MAILBOX & set(below.split(".")):
        return "email"
    inner = below.removeprefix("m.") if below != "m" else ""
    starred = f"{inner}.{name}.*" if inner else f"{name}.*"
    return "search" if starred in _SEARCH or host.removeprefix("m.") in _SEARCH else None


def channel_of_app(package: str) -> str | None:
    """The built-in channel of an Android app; None: no app that is known."""
    return _APPS.get(package)
