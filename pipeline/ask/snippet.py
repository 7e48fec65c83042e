"""The lines of `product.yaml` that make a question a nightly metric."""

from io import StringIO

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from pipeline.ask.question import CONFIGURED, Question, columns_of
from pipeline.ask.variants import is_variant
from pipeline.core.product import Product
from pipeline.core.product_base import FileModel
from pipeline.core.product_file import ProductFileError, parse_product


def snippet(question: Question, product: Product, name: str) -> str | None:
    """The lines for the section of the question's kind; None where the product file knows no such metric."""
    # What the nightly run can't tell apart.
    if question.show not in CONFIGURED or any(map(is_variant, columns_of(question))):
        return None
    asked: FileModel = getattr(question, f"asked_{question.show}")(product)
    said = asked.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    # As one would write it: what it is first, of whom and what after it, of a condition its column first.
    for each in ("where", "people"):
        if each in said:
            said[each] = [dict(sorted(line.items(), key=lambda pair: pair[0] != "column")) for line in said.pop(each)]
    out, yaml = StringIO(), YAML()
    yaml.default_flow_style = None
    yaml.width = 120
    yaml.dump({CONFIGURED[question.show]: {name: said}}, out)
    return out.getvalue()


def with_snippet(text: str, lines: str) -> list[str]:
    """The faults that a product file, given as its text, would have with these lines added to it; none if it is sound."""
    yaml = YAML()
    try:
        written, added = yaml.load(text), YAML(typ="safe").load(lines)
        for section, own in added.items():
            there = written.setdefault(section, {})
            if taken := [name for name in own if name in there]:
                return [f"{section}: {taken[0]!r} is there already; give it another name"]
            there.update(own)
        out = StringIO()
        yaml.dump(written, out)
        parse_product(out.getvalue())
    except ProductFileError as fault:
        return fault.faults
    except (YAMLError, AttributeError, TypeError):
        return ["the product file isn't valid YAML at the moment; `footfall check` says where"]
    return []
