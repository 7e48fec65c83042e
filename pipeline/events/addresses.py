"""Addresses as they compare: their parts percent-decoded and in Unicode's composed form (NFC).

Browsers send /%C3%BCber-uns where people write /über-uns. What encodes a separator stays encoded, for decoded it would
divide; a part that isn't UTF-8 compares as it is.
"""

import re
import unicodedata
from urllib.parse import unquote

import polars as pl

_SCHEME = r"(?:[A-Za-z][A-Za-z0-9+.-]*:)?(?://[^/?#]*)?"
# As some sources send addresses, without a scheme: a name with dots (or localhost), a port perhaps, then a path.
_BARE_HOST = r"^(?:(?:[^\s/?#:@.]+\.)+[^\s/?#:@.]+|localhost)(?::[0-9]+)?(/[^?#]*)"
_WHOLE_PATH, _PATH = rf"^{_SCHEME}([^?#]*)", r"^([^?#]*)"
_ODD = r"%|[^\x00-\x7F]"
_OF_PATH = re.compile("%(2f)", re.IGNORECASE)
_OF_QUERY = re.compile("%(26|3d)", re.IGNORECASE)


def path_decoded(text: str) -> str:
    """A path or fragment, decoded; an encoded slash divides nothing and stays."""
    return _decoded(text, _OF_PATH)


def query_decoded(text: str) -> str:
    """A query, decoded; an encoded & or = stays."""
    return _decoded(text.replace("+", " "), _OF_QUERY)


def _decoded(text: str, kept: re.Pattern[str]) -> str:
    shielded = kept.sub(lambda result: f"%25{result[1].upper()}", text)
    try:
        return unicodedata.normalize("NFC", unquote(shielded, errors="strict"))
    except UnicodeDecodeError:
        return text


def parts_of(urls: pl.Series) -> pl.DataFrame:
    """Decoded `path`, `query` and `fragment` of each address ("" where there is none), and its `whole` path.

    `whole` is the path where a name without a scheme is taken for the path's first part and not for a host.
    """
    address = pl.col("url")
    split = pl.DataFrame({"url": urls}).select(
        path=pl.coalesce(address.str.extract(_BARE_HOST, 1), address.str.extract(_WHOLE_PATH, 1)),
        whole=address.str.extract(_WHOLE_PATH, 1),
        query=address.str.extract(r"^[^?#]*\?([^#]*)", 1).fill_null(""),
        fragment=address.str.extract(r"#(.*)$", 1).fill_null(""),
    )
    return split.select(_mapped(each, query=each.name == "query") for each in split)


def page_address(urls: pl.Series) -> pl.Series:
    """Each address without query and fragment, decoded: equal for one page however its path was written."""
    return _mapped(urls.str.extract(_PATH, 1), query=False)


def _mapped(texts: pl.Series, *, query: bool) -> pl.Series:
    """Only what isn't plain is looked at, once."""
    odd = texts.filter(texts.str.contains(rf"{_ODD}|\+" if query else _ODD)).unique()
    decode = query_decoded if query else path_decoded
    return texts.replace(odd, pl.Series(odd.name, [decode(each) for each in odd], dtype=pl.String))
