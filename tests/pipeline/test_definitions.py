"""The definitions in docs/definitions/: what is cited is there, and links lead somewhere."""

import re
import subprocess
from pathlib import Path

import pytest

from pipeline.core.registry import MARTS
from pipeline.publish.versions import FACTS
from pipeline.report.definition_texts import anchor, definition_texts

ROOT = Path(__file__).parents[2]
DOCS = sorted((ROOT / "docs").rglob("*.md"))
PAGES = sorted((ROOT / "docs" / "definitions").glob("*.md"))
# A file of docs/, and after it the headings of its sections.
_CITED = re.compile(r'(docs/[\w/-]+\.md)((?:, \\?"[^"\\]+\\?")*)')
_NAMED = re.compile(r"(?<![\w/.-])([\w./-]+\.md)\b(?!\()")
_LINK = re.compile(r"\[[^\]]*\]\(([^)#]*)(?:#([^)]*))?\)")


def headings(page: Path) -> list[str]:
    return re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)


def sources() -> dict[str, str]:
    """Our code by its path; vendored packages aren't in git."""
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    kinds = (".py", ".sql", ".toml", ".yaml", ".j2", ".js", "Makefile")
    return {
        name: (ROOT / name).read_text(encoding="utf-8")
        for name in listed
        if name.endswith(kinds) and (ROOT / name).is_file()
    }


def test_every_section_that_code_cites_exists() -> None:
    lacking: list[str] = []
    count = 0
    for name, text in sources().items():
        # A citation may go on in the next line.
        for file, sections in _CITED.findall(re.sub(r"\s*\n\s*(?:# )?", " ", text)):
            page = ROOT / file
            there = headings(page) if page.is_file() else []
            wanted = re.findall(r'"([^"\\]+)\\?"', sections)
            count += 1
            lacking += (
                [f"{name}: {file}"]
                if not there
                else [f"{name}: {file}, {each}" for each in wanted if each not in there]
            )
    assert lacking == []
    assert count > 100


def test_every_decision_that_code_cites_exists() -> None:
    known = {path.name[:4] for path in (ROOT / "docs" / "decisions").glob("*.md")}
    cited = {(name, each) for name, text in sources().items() for each in re.findall(r"decisions?[ /](\d{4})", text)}
    assert len(cited) > 5
    assert {each for each in cited if each[1] not in known} == set()


def test_code_cites_no_document_that_is_not_here() -> None:
    lacking = [
        f"{name}: {file}"
        for name, text in sources().items()
        if not name.startswith(("tests/", "benchmarks/"))
        for file in _NAMED.findall(text)
        if not any((folder / file).is_file() for folder in (ROOT, ROOT / "docs", ROOT / Path(name).parent))
    ]
    assert lacking == []


@pytest.mark.parametrize("page", DOCS, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_between_documents_lead_somewhere(page: Path) -> None:
    for target, section in _LINK.findall(page.read_text(encoding="utf-8")):
        if "://" in target:
            continue
        file = (page.parent / target).resolve() if target else page
        assert file.exists(), f"{page.name}: {target}"
        if section:
            assert section in [anchor(each) for each in headings(file)], f"{page.name}: {target}#{section}"


def test_the_table_of_contents_names_every_page_and_section() -> None:
    contents = (ROOT / "docs" / "definitions" / "README.md").read_text(encoding="utf-8")
    named = {
        (target, section) for target, section in _LINK.findall(contents) if target in {page.name for page in PAGES}
    }
    there = {(page.name, anchor(each)) for page in PAGES if page.name != "README.md" for each in headings(page)[1:]}
    assert there <= named
    assert {page.name for page in PAGES} - {"README.md"} <= {target for target, _ in named}


def test_the_report_shows_every_page_with_links_that_stay_on_it() -> None:
    texts = list(definition_texts())
    assert {f"{name}.md" for name, _, _ in texts} == {page.name for page in PAGES} - {"README.md"}
    ids = {name for name, _, _ in texts} | {each for _, _, html in texts for each in re.findall(r' id="([^"]+)"', html)}
    links = [each for _, _, html in texts for each in re.findall(r'href="([^"]+)"', html)]
    assert len(links) > 25
    assert {each for each in links if each.removeprefix("#") not in ids} == set()


def test_the_readme_names_every_mart() -> None:
    table = (
        (ROOT / "docs" / "which_mart.md")
        .read_text(encoding="utf-8")
        .partition("| mart | one row per |")[2]
        .partition("\n\n")[0]
    )
    named = {
        each
        for line in table.splitlines()
        for each in re.findall(r"`([a-z_]+)`", line.split("|")[1] if "|" in line else "")
    }
    assert named == {mart.name for mart in (*MARTS, *FACTS)}, "the table of docs/which_mart.md"


def test_the_design_names_every_domain() -> None:
    text = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
    folders = [path.name for path in (ROOT / "pipeline" / "domains").iterdir() if (path / "domain.py").is_file()]
    assert [name for name in folders if not re.search(rf"\b{name}\b", text)] == []
