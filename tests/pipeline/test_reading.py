"""What a landing file is, its first bytes say, whatever it is called; what can't be read says what to do."""

import bz2
import gzip
import io
import json
import lzma
import zipfile
from datetime import datetime
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest
from support import drop, ndjson, product, record, take_all

from pipeline.core.canonical import RAW_EVENTS, REJECTED
from pipeline.core.lake import Lake
from pipeline.core.product_file import parse_product
from pipeline.ingest.faults import FileFault, RecordFault
from pipeline.ingest.manifests import Manifest, objects_by_day, read_manifests
from pipeline.ingest.reading import How, contains, read_records

ROWS = [record("e1", "2026-01-05T10:00"), record("e2", "2026-01-05T10:01")]
LINES = ndjson(ROWS)
CSV = b"event_id,occurred_at,kind,anonymous_id\n" + b"".join(
    f"{row['event_id']},{row['occurred_at']},page_view,d1\n".encode() for row in ROWS
)


def zst(data: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(data)
    return sink.getvalue().to_pybytes()


def zipped(**members: bytes) -> bytes:
    return zip_of({name.replace("__", "."): data for name, data in members.items()})


def zip_of(members: dict[str, bytes]) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return sink.getvalue()


def parquet(rows: list[dict[str, object]]) -> bytes:
    sink = io.BytesIO()
    pl.DataFrame(rows).write_parquet(sink)
    return sink.getvalue()


PARQUET = parquet(ROWS)
ONE, OTHER = ndjson(ROWS[:1]), ndjson(ROWS[1:])
# (name, content): each holds both events.
READ: list[tuple[str, bytes]] = [
    ("1773140400.e5c7f2.gz", gzip.compress(LINES)),
    ("no_ending", gzip.compress(ONE) + gzip.compress(OTHER)),
    ("a.ndjson", gzip.compress(LINES)),
    ("a.csv", zst(CSV)),
    ("a.gz", zst(ONE) + b"\x50\x2a\x4d\x18\x04\x00\x00\x00note" + zst(OTHER)),
    ("a.ndjson.bz2", bz2.compress(LINES)),
    ("a.xz", lzma.compress(LINES)),
    ("a.ndjson.gz", LINES),
    ("a.json", LINES),
    ("a.json", json.dumps(ROWS).encode()),
    ("a.ndjson", json.dumps(ROWS, indent=1).encode()),
    ("a.ndjson", json.dumps(ROWS).encode()),
    ("part-00000", LINES),
    ("part-00000", json.dumps(ROWS).encode()),
    ("part-00000", json.dumps(ROWS, indent=2).encode()),
    ("part-00000", CSV),
    ("export.dat", CSV.replace(b",", b";")),
    ("export.txt", CSV.replace(b",", b"\t")),
    ("export.json", CSV),
    ("export.csv", LINES),
    ("2026-03-10T10-11.parquet.zst", PARQUET),
    ("a.parquet.gz", gzip.compress(PARQUET)),
    ("a.parquet.zst", zst(PARQUET)),
    ("a", PARQUET),
    ("a.csv", PARQUET),
    ("a.zip", zipped(a__ndjson=LINES)),
    ("a.zip", zipped(a__ndjson=ONE, b__csv=CSV.splitlines(keepends=True)[0] + CSV.splitlines(keepends=True)[2])),
    ("a", zip_of({"12/a_0.json.gz": gzip.compress(ONE), "12/a_1.json.gz": gzip.compress(OTHER)})),
    ("a.zip", zip_of({"a.csv": CSV, "__MACOSX/._a.csv": b"\x00\x05", ".DS_Store": b"\x00", "b/.x/c.csv": b"\x00"})),
    ("a.zip", zip_of({"../../a.ndjson": ONE, "/etc/b.parquet": parquet(ROWS[1:])})),
    ("a.zip.gz", gzip.compress(zipped(a__zip=zipped(a__csv=CSV)))),
    ("a.csv", CSV.decode().encode("utf-8-sig")),
    ("a.csv", CSV.decode().encode("utf-16")),
    ("a.csv.gz", gzip.compress(b"\xfe\xff" + CSV.decode().encode("utf-16-be"))),
    ("a.ndjson", LINES.decode().encode("utf-16")),
    ("a.json", json.dumps(ROWS).encode("utf-32")),
]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path)


def take(lake: Lake, name: str, data: bytes) -> Manifest:
    drop(lake.home, f"web/{name}", data)
    (manifest,) = take_all(lake, product())
    assert manifest.balances
    return manifest


def ids(lake: Lake) -> list[str]:
    keys = [key for parts in objects_by_day(read_manifests(lake).values()).values() for key in parts]
    return sorted(lake.scan(RAW_EVENTS, keys).collect()["event_id"])


def rejected(lake: Lake) -> list[dict[str, str]]:
    keys = [m.rejected_key for m in read_manifests(lake).values() if m.rejected_key]
    return lake.scan(REJECTED, keys).collect().to_dicts()


@pytest.mark.parametrize(("name", "data"), READ, ids=[f"{i} {name}" for i, (name, _) in enumerate(READ)])
def test_first_bytes_say_what_a_file_is(lake: Lake, name: str, data: bytes) -> None:
    manifest = take(lake, name, data)
    assert (manifest.file_rule, manifest.rejected, ids(lake)) == (None, {}, ["e1", "e2"])


# (name, content, rule, words of the remedy)
REFUSED: list[tuple[str, bytes, str, str]] = [
    ("a.csv", b"<!DOCTYPE html><html>Login", "unknown_format", "export it again"),
    ("a.ndjson", b'<?xml version="1.0"?><Error><Code>AccessDenied', "unknown_format", "export it again"),
    ("a", b"hello", "unknown_format", "send NDJSON, JSON, CSV, Parquet"),
    ("a.bin", bytes(range(256)), "unknown_format", "send NDJSON"),
    ("a.xls", b"\xd0\xcf\x11\xe0" + b"\0" * 600, "unknown_format", "save it as .xlsx or CSV"),
    ("a.parquet.lz4", b"\x04\x22\x4d\x18abc", "unknown_format", "gzip or zstd"),
    ("a.avro", b"Obj\x01abc", "unknown_format", "send NDJSON"),
    ("a.pdf", b"%PDF-1.7", "unknown_format", "send NDJSON"),
    ("a.tar.gz", gzip.compress(b"a.csv".ljust(257, b"\0") + b"ustar\x0000"), "unknown_format", "a zip of them"),
    ("a.txt", "event_id,kind\nä,b\n".encode("utf-16-le"), "unknown_format", "encoding"),
    ("a.zip", zipped(a__csv=CSV)[:-9], "file_truncated", "send it again whole"),
    ("a.zip", zipped(a__pdf=b"%PDF-1.7"), "unknown_format", "send NDJSON"),
    ("a.csv", b"\xff\xfe" + CSV.decode().encode("utf-16-le")[:-1], "wrong_encoding", "save the file as UTF-8"),
    ("a.gz", b"\x1f\x8b", "file_truncated", "send it again whole"),
    ("a.gz", gzip.compress(LINES)[:-6] + b"\1\2\3\4\5\6", "file_truncated", "send it again whole"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "data", "rule", "remedy"), REFUSED, ids=[f"{i} {r[0]}" for i, r in enumerate(REFUSED)]
)
def test_what_cannot_be_read_says_what_to_do(lake: Lake, name: str, data: bytes, rule: str, remedy: str) -> None:
    manifest = take(lake, name, data)
    assert (manifest.file_rule, manifest.accepted) == (rule, 0)
    assert remedy in str(manifest.file_reason)


def test_packed_again_and_again_is_refused(lake: Lake) -> None:
    data = LINES
    for _ in range(9):
        data = gzip.compress(data)
    assert take(lake, "a.gz", data).file_rule == "packed_too_often"


def test_an_encrypted_archive_is_refused(lake: Lake) -> None:
    data = bytearray(zipped(a__csv=CSV))
    central = data.index(b"PK\x01\x02")
    data[6] |= 1
    data[central + 8] |= 1
    assert take(lake, "a.zip", bytes(data)).file_rule == "encrypted"


def test_a_member_of_another_kind_is_one_bad_record(lake: Lake) -> None:
    manifest = take(lake, "a.zip", zip_of({"read me.pdf": b"%PDF-1.7", "a.csv": CSV}))
    assert (manifest.accepted, manifest.rejected) == (2, {"unknown_format": 1})
    assert rejected(lake)[0]["reason"].startswith("read me.pdf: a PDF")


def test_a_torn_member_refuses_the_archive(lake: Lake) -> None:
    manifest = take(lake, "a.zip", zip_of({"a.csv": CSV, "b.json.gz": gzip.compress(LINES)[:-4]}))
    assert (manifest.file_rule, manifest.accepted) == ("file_truncated", 0)


@pytest.mark.parametrize(
    ("declared", "written"), [("cp1252", "cp1252"), ("cp1252", "utf-8-sig"), ("utf-16-le", "utf-16-le")]
)
def test_a_declared_encoding(tmp_path: Path, declared: str, written: str) -> None:
    text = "event_id;occurred_at;kind;page_title\ne1;2026-01-05T10:00:00Z;page_view;Größe … 5 €\n"
    drop(tmp_path, "web/a.csv", text.encode(written))
    lake = Lake(tmp_path)
    (manifest,) = take_all(lake, product(sources={"web": {"encoding": declared}}))
    assert manifest.accepted == 1
    keys = [part.key for parts in manifest.days.values() for part in parts]
    assert lake.scan(RAW_EVENTS, keys).collect()["page_title"].to_list() == ["Größe … 5 €"]


def test_bytes_that_an_encoding_lacks_cost_their_record_alone(tmp_path: Path) -> None:
    drop(tmp_path, "web/a.csv", CSV + b"e3\x81,2026-01-05T10:00:00Z,click,d\n")
    (manifest,) = take_all(Lake(tmp_path), product(sources={"web": {"encoding": "cp1252"}}))
    assert (manifest.accepted, manifest.rejected) == (2, {"invalid_utf8": 1})


def test_without_a_declaration_the_remedy_names_it(lake: Lake) -> None:
    take(lake, "a.csv", CSV + "ö,2026-01-05T10:00:00Z,click,d\n".encode("cp1252"))
    assert "encoding" in rejected(lake)[0]["reason"]


@pytest.mark.parametrize("name", ["latin-9000", "base64", "idna", "undefined", "utf-7", ""])
def test_an_encoding_that_is_none_is_refused_by_check(name: str) -> None:
    with pytest.raises(Exception, match="write one like utf-8, cp1252"):
        parse_product(f"{{name: A, start_date: 2026-01-01, sources: {{web: {{encoding: '{name}'}}}}}}")


SHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
REL = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def xlsx(*sheets: str) -> bytes:
    """A workbook of sheets, each the XML of its rows; style 1 is a date with time."""
    numbers = range(1, len(sheets) + 1)
    listed = "".join(f'<sheet name="S{i}" sheetId="{i}" r:id="r{i}"/>' for i in numbers)
    targets = "".join(f'<Relationship Id="r{i}" Type="{REL}/worksheet" Target="worksheets/s{i}.xml"/>' for i in numbers)
    package = "http://schemas.openxmlformats.org/package/2006/relationships"
    return zip_of({
        "[Content_Types].xml": b'<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>',
        "_rels/.rels": (
            f'<Relationships xmlns="{package}">'
            f'<Relationship Id="w" Type="{REL}/officeDocument" Target="xl/workbook.xml"/></Relationships>'
        ).encode(),
        "xl/workbook.xml": f'<workbook xmlns="{SHEET}" xmlns:r="{REL}"><sheets>{listed}</sheets></workbook>'.encode(),
        "xl/_rels/workbook.xml.rels": (
            f'<Relationships xmlns="{package}">{targets}'
            f'<Relationship Id="st" Type="{REL}/styles" Target="styles.xml"/></Relationships>'
        ).encode(),
        "xl/styles.xml": f'<styleSheet xmlns="{SHEET}"><cellXfs><xf numFmtId="0"/><xf numFmtId="22"/></cellXfs></styleSheet>'.encode(),
        **{
            f"xl/worksheets/s{i}.xml": f'<worksheet xmlns="{SHEET}"><sheetData>{rows}</sheetData></worksheet>'.encode()
            for i, rows in enumerate(sheets, start=1)
        },
    })  # fmt: skip


def row(number: int, **cells: str | float | datetime) -> str:
    def cell(letter: str, value: str | float | datetime) -> str:
        if isinstance(value, datetime):
            since = value - datetime(1899, 12, 30)  # noqa: DTZ001  # as Excel counts
            return f'<c r="{letter}{number}" s="1"><v>{since.total_seconds() / 86_400}</v></c>'
        if isinstance(value, str):
            return f'<c r="{letter}{number}" t="inlineStr"><is><t>{value}</t></is></c>'
        return f'<c r="{letter}{number}"><v>{value}</v></c>'

    return f'<row r="{number}">{"".join(cell(letter, value) for letter, value in cells.items())}</row>'


AT = datetime(2026, 1, 5, 10, 0, 1)  # noqa: DTZ001  # as in a sheet
ANSWERS = (
    row(1, A="Survey of January")
    + row(3, A="Response ID", B="Date Submitted", C="User ID", D="score", E="comment")
    + row(4, A=17, B=AT, C=4711, D=9, E="Good &amp; fast")
    + row(6, A=18, B=AT, C="u2", D=3, E="Größe")
)


def test_a_workbook_of_answers(tmp_path: Path) -> None:
    drop(tmp_path, "nps/a.xlsx", xlsx("", ANSWERS, row(1, A="x", B="y")))
    lake = Lake(tmp_path)
    survey = {"format": "surveys", "survey_id": "shop", "time_zone": "Europe/Berlin"}
    (manifest,) = take_all(lake, product(sources={"nps": survey}))
    assert (manifest.file_rule, manifest.records_rejected, manifest.accepted) == (None, 0, 2)
    keys = [part.key for parts in manifest.days.values() for part in parts]
    result = lake.scan(RAW_EVENTS, keys).filter(pl.col("score").is_not_null()).sort("score").collect()
    assert result["score"].to_list() == [3, 9]
    assert result["user_id"].to_list() == ["u2", "4711"]
    assert [str(at) for at in result["occurred_at"]] == ["2026-01-05 09:00:01+00:00"] * 2


def test_a_workbook_by_a_mapping_reads_times_in_the_columns_zone(tmp_path: Path) -> None:
    drop(tmp_path, "shop/2026.xlsx", xlsx(row(1, A="at", B="nr", C="sum") + row(2, A=AT, B=1001, C=12.5)))
    columns = {
        "occurred_at": {"field": "at", "format": "%d.%m.%Y %H:%M", "zone": "Europe/Berlin"},
        "kind": {"constant": "order"}, "order_id": "nr", "user_id": "nr",
        "revenue_micros": {"field": "sum", "scale": 1_000_000},
    }  # fmt: skip
    lake = Lake(tmp_path)
    source = {"format": "mapping", "event_id": "none", "mapping": {"columns": columns}}
    (manifest,) = take_all(lake, product(sources={"shop": source}))
    keys = [part.key for parts in manifest.days.values() for part in parts]
    (result,) = lake.scan(RAW_EVENTS, keys).collect().to_dicts()
    assert (result["order_id"], result["revenue_micros"]) == ("1001", 12_500_000)
    assert str(result["occurred_at"]) == "2026-01-05 09:00:01+00:00"


def test_a_workbook_for_another_format_names_the_remedy(lake: Lake) -> None:
    manifest = take(lake, "a.xlsx", xlsx(ANSWERS))
    assert manifest.file_rule == "workbook"
    assert "save it as CSV" in str(manifest.file_reason)


@pytest.mark.parametrize(
    "rows",
    [
        row(1, A="a", B="b") + '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>',
        row(1, A="a", B="b") + '<row r="1048576"><c><v>1</v></c><c><v>1</v></c>' + "<c><v>1</v></c>" * 9 + "</row>",
    ],
)
def test_a_sheet_whose_cells_lie_far_apart_is_refused(tmp_path: Path, rows: str) -> None:
    path = tmp_path / "a.xlsx"
    path.write_bytes(xlsx(rows))
    with pytest.raises(FileFault, match="save it as CSV"):
        list(read_records(path, How(workbooks=True)))


HOLDING = [
    *READ,
    ("a.xlsx", xlsx(row(1, A="who", B="b") + row(2, A="e2", B=1))),
    ("a.zip", zip_of({".hidden": b"e2"})),
    ("a.csv", "name\ne2\n".encode("utf-16-le")),
]


@pytest.mark.parametrize(("name", "data"), HOLDING, ids=[f"{i} {name}" for i, (name, _) in enumerate(HOLDING)])
def test_what_erase_looks_for_is_found_in_all_of_them(tmp_path: Path, name: str, data: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    assert contains(path, [b"nobody", b"e2"])
    assert not contains(path, [b"nobody"])
    assert not contains(path, [])


def test_ids_are_found_however_a_text_writes_them(tmp_path: Path) -> None:
    path = tmp_path / "a"
    for written in (
        b'{"u":"J\\u00f6rg \\"J\\""}',
        'Jörg "J"'.encode("cp1252"),
        "<t>Jörg &quot;J&quot;</t>".encode(),
    ):
        path.write_bytes(written)
        assert contains(path, ['Jörg "J"'.encode()]), written


def test_an_id_of_a_row_too_large_to_be_taken_is_found(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(parquet([{"event_id": "e", "page_title": "x" * 3_000_000 + "Ann"}]))
    (fault,) = read_records(path)
    assert isinstance(fault, RecordFault)
    assert contains(path, [b"Ann"])


# CSV.

ORDERS = b"event_id,occurred_at,kind\n"
GOOD = b"e1,2026-01-05T10:00:00Z,click\n"
# (what, content, ids, rejected by rule)
TABLES: list[tuple[str, bytes, list[str], dict[str, int]]] = [
    ("sep=", b"sep=;\n" + (ORDERS + GOOD).replace(b",", b";"), ["e1"], {}),
    ("sep= with mark and quotes", b'\xef\xbb\xbf"sep=|"\r\n' + (ORDERS + GOOD).replace(b",", b"|"), ["e1"], {}),
    ("comments", b"# ----\n# Orders, of March\n# 20260301-20260331\n# ----\n\n" + ORDERS + GOOD, ["e1"], {}),
    ("GA4's", b"# ----\n# Pages, screens\n# ----\n#\n# All Users\n# Start date: 20260301\n" + ORDERS + GOOD, ["e1"], {}),
    ("titles", b'Campaigns\n"1 March 2026, all day"\n\n' + ORDERS + GOOD, ["e1"], {}),
    ("header begins with #", b"#,event_id,occurred_at,kind\n1," + GOOD, ["e1"], {}),
    ("header is #id", b"#id,event_id,occurred_at,kind\n1," + GOOD, ["e1"], {}),
    ("backslash quotes", ORDERS[:-1] + b",props\n" + GOOD[:-1] + b',"{\\"plan\\":\\"pro\\"}"\n' + b"e2" + GOOD[2:-1] + b",x\n", ["e2"], {"malformed_csv": 1}),
    ("ragged", ORDERS + b"e0,2026-01-05T10:00:00Z\n" + GOOD + GOOD[:-1] + b",more\n", ["e1"], {"csv_cells": 2}),
    ("comma at each end", (ORDERS + GOOD).replace(b"\n", b",\n"), ["e1"], {}),
    ("endless line", ORDERS + b"x" * 3_000_000 + b"\n" + GOOD, ["e1"], {"record_too_large": 1}),
    ("cells without end", ORDERS + b"," * 3_000_000 + b"\n" + GOOD, ["e1"], {"record_too_large": 1}),
]  # fmt: skip


@pytest.mark.parametrize(("what", "data", "good", "bad"), TABLES, ids=[case[0] for case in TABLES])
def test_tables(lake: Lake, what: str, data: bytes, good: list[str], bad: dict[str, int]) -> None:
    manifest = take(lake, "a.csv", data)
    assert (manifest.file_rule, ids(lake), manifest.rejected) == (None, good, bad), what
    assert all(each["raw_text"] for each in rejected(lake)), "a record that can't be read keeps its text"


def test_a_malformed_record_keeps_its_text(lake: Lake) -> None:
    take(lake, "a.csv", ORDERS + b'e1,"a "b" c",click\n')
    assert rejected(lake)[0]["raw_text"] == 'e1,"a "b" c",click'


def test_a_malformed_record_under_a_column_that_is_never_stored_is_not_shown(lake: Lake) -> None:
    take(lake, "a.csv", b'event_id,ip\ne1,"10.1.2.3" x\n')
    assert "10.1.2.3" not in rejected(lake)[0]["raw_text"]


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (b"Report\n1,2,3\n4,5,6\n7,8,9\n", "unknown_header"),
        (b"a," * 20_000 + b"b\n", "too_many_columns"),
        (ORDERS + b'"\n",' * 700_000 + b"x\n" + GOOD, "unclosed_quote"),
    ],
)
def test_tables_refused_whole(lake: Lake, data: bytes, rule: str) -> None:
    assert take(lake, "a.csv", data).file_rule == rule
