"""Which channel led to a session: UTM names, referrers, own and unwanted hosts, and where none was measured."""

from datetime import date
from typing import Any

import polars as pl
import pytest
from support import at, events_frame, product

from pipeline.events.channels import channels
from pipeline.events.referrers import channel_of_host, is_one_owner, plain_host
from pipeline.events.sessions import session_events, sessions

SHOP = "https://www.shop.com/"
# By address alone.
ADDRESSES = {
    "?utm_source=linkedin": "social",
    "?utm_source=LinkedIn": "social",
    "?UTM_Source=LinkedIn": "social",
    "?utm_source=%4cinked%49n": "social",
    "?utm_source=%20linkedin+": "social",
    "?utm_source=lnkd.in": "social",
    "?utm_source=m.facebook.com": "social",
    "?utm_source=google": "search",
    "?utm_source=chatgpt.com": "assistant",
    "?utm_source=google&utm_medium=CPC": "paid",
    "?utm_medium=paid%20social&utm_source=facebook": "paid",
    "?utm_source=news&utm_medium=email": "email",
    "?utm_medium=e-mail": "email",
    "?utm_medium=e%2Dmail": "email",
    "?foo=1&amp;utm_medium=email": "email",
    "?utm_source=linkedin&utm_medium=email": "email",
    "?utm_medium=organic&utm_source=google": "search",
    "?utm_medium=referral&utm_source=partner": "referral",
    "?utm_medium=referral&utm_source=linkedin": "social",
    "?utm_medium=Social_Media": "social",
    "?utm_medium=banner": "display",
    "?utm_source=partner": "campaign",
    "?utm_campaign=spring": "campaign",
    "?utm_medium=sms": "campaign",
    "?utm_source=(not+set)&utm_medium=(none)": "direct",
    "?utm_source=&utm_medium=": "direct",
    "?gclid=abc": "paid",
    "?GBRAID=abc": "paid",
    "?gclid=": "direct",
    "": "direct",
}
# By the host that led to the shop.
HOSTS = {
    "https://www.google.com/": "search",
    "https://www.google.co.uk/": "search",
    "https://google.com.br": "search",
    "https://yandex.com.tr/": "search",
    "https://de.search.yahoo.com/": "search",
    "https://m.baidu.com/s": "search",
    "google.com": "search",
    "https://google.com.evil.example/": "referral",
    "https://news.google.evil/": "referral",
    "https://notgoogle.com/": "referral",
    "https://docs.google.com/": "referral",
    "https://news.google.com/": "referral",
    "https://mail.google.com/": "email",
    "https://mail.yahoo.com/": "email",
    "https://us-mg5.mail.yahoo.com/neo": "email",
    "https://outlook.live.com/": "email",
    "https://webmail.provider.example/": "email",
    "android-app://com.google.android.gm/": "email",
    "android-app://com.google.android.googlequicksearchbox": "search",
    "android-app://com.linkedin.android/": "social",
    "android-app://com.somebody.else/": "referral",
    "https://accounts.google.com/": "direct",
    "https://accounts.google.de/o/oauth2": "direct",
    "https://www.paypal.com/": "direct",
    "https://checkout.stripe.com/pay": "direct",
    "https://pay.klarna.com/": "direct",
    "https://notpaypal.com/": "referral",
    "https://checkout.shop.com/pay": "direct",
    "https://shop.com/": "direct",
    "https://WWW.SHOP.COM:8443/": "direct",
    "https://shop.com.evil.example/": "referral",
    "https://t.co/abc": "social",
    "https://nott.co/abc": "referral",
    "https://l.facebook.com/": "social",
    "https://m.youtube.com/": "social",
    "https://copilot.microsoft.com/": "assistant",
    "https://gemini.google.com/app": "assistant",
    "https://chat.openai.com/": "assistant",
    "$direct": "direct",
    "": "direct",
}


def channel(url: str | None, referrer: str | None, telling: tuple[str, ...] = ("web",), **sections: Any) -> str | None:
    landed = pl.DataFrame(
        {"source": ["web"], "url": [url], "referrer": [referrer]},
        schema={"source": pl.String, "url": pl.String, "referrer": pl.String},
    )
    return channels(landed, product(**sections), telling).item()


@pytest.mark.parametrize(("query", "expected"), ADDRESSES.items())
def test_addresses(query: str, expected: str) -> None:
    assert channel(SHOP + query, None) == expected


@pytest.mark.parametrize(("referrer", "expected"), HOSTS.items())
def test_referrers(referrer: str, expected: str) -> None:
    assert channel(SHOP, referrer) == expected
    # UTM names come first.
    assert channel(SHOP + "?utm_medium=affiliate", referrer) == "affiliate"


def test_own_hosts_lead_nobody_here() -> None:
    assert channel("https://checkout.shop.com/pay", "https://www.shop.com/") == "direct"
    assert channel("https://checkout.shop.com/pay", "https://blog.shop.com/") == "direct"
    assert channel("http://localhost:8080/", "http://localhost:3000/") == "direct"
    assert channel("https://bücher.example/", "https://www.xn--bcher-kva.example/") == "direct"
    # Strangers side by side under one public suffix.
    assert channel("https://one.co.uk/", "https://two.co.uk/") == "referral"
    assert channel("https://one.github.io/", "https://two.github.io/") == "referral"
    assert channel("http://10.0.0.1/", "http://10.0.0.2/") == "referral"
    assert channel(SHOP, "https://shop.de/") == "referral"
    assert channel(SHOP, "https://www.shop.de/", own_hosts=["shop.de"]) == "direct"
    assert channel("/path", "https://m.shop.de/", own_hosts=["https://WWW.shop.de/"]) == "direct"


def test_the_team_adds_unwanted_hosts_and_its_own_channels_come_first() -> None:
    assert channel(SHOP, "https://id.bank.example/", unwanted_referrers=["bank.example"]) == "direct"
    own = {"audio": {"sources": ["Podcast"]}, "friends": {"referrers": ["partner.example", "paypal.com"]}}
    assert channel(SHOP + "?utm_source=podcast&utm_medium=cpc", None, channels=own) == "audio"
    assert channel(SHOP, "https://blog.partner.example/x", channels=own) == "friends"
    assert channel(SHOP, "https://www.paypal.com/", channels=own) == "friends"


def test_what_no_source_tells_is_not_measured() -> None:
    assert channel(SHOP, None, telling=()) is None
    assert channel(None, None, telling=()) is None
    assert channel(SHOP + "?utm_source=google", None, telling=()) == "search"
    assert channel(SHOP, "", telling=()) == "direct"
    assert channel(None, None) == "direct"


def test_a_session_has_the_channel_of_its_first_page_view() -> None:
    def view(source: str, person: int, time: str, query: str, referrer: str | None = None) -> dict[str, Any]:
        return {
            "source": source, "person_key": person, "anonymous_id": f"d{person}", "occurred_at": at(f"2026-03-10T{time}"),
            "url": SHOP + query, "referrer": referrer,
        }  # fmt: skip

    back = "https://www.paypal.com/"
    rows = [
        view("web", 1, "10:00", "?utm_medium=email"), view("web", 1, "10:05", "thanks", back),
        view("web", 2, "10:00", "?utm_medium=email"), view("web", 2, "10:35", "thanks", back),
        view("web", 3, "10:00", ""),
        view("app", 4, "10:00", ""), view("app", 4, "10:01", "?utm_medium=email"),
        {**view("web", 5, "10:00", ""), "kind": "click"},
    ]  # fmt: skip
    day = date(2026, 3, 10)
    made = sessions(session_events(events_frame(rows).lazy(), day, product()).lazy(), day)
    result = made.sort("person_key", "started_at").select("person_key", "channel").rows()
    # The source `app` sends no referrer at all.
    assert result == [(1, "email"), (2, "email"), (2, "direct"), (3, "direct"), (4, None), (5, "unknown")]


def test_hosts_compare_without_www_port_and_case() -> None:
    assert plain_host("HTTPS://WWW.Bücher.Example.:8080/x") == "xn--bcher-kva.example"
    assert is_one_owner("a.b.example", "b.example")
    assert not is_one_owner("10.0.0.1", "10.0.0.2")
    assert not is_one_owner("", "x.example")
    assert channel_of_host("") is None
    # No name that could be registered.
    assert plain_host("ü" * 70 + ".example") == "ü" * 70 + ".example"
