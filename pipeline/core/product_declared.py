"""The product file as the function of a table gets it: the sections that the table declares."""

from typing import Any

from pydantic import PrivateAttr

from pipeline.core.product import Product, sections_of


class UndeclaredError(Exception):
    """A table's function reads what the table doesn't declare, so a change of it would leave old numbers."""


class DeclaredProduct(Product):
    """The product file as the function of a table gets it."""

    _whole: Product = PrivateAttr()
    _declared: frozenset[str] = PrivateAttr(default=frozenset())

    @classmethod
    def of(cls, whole: Product, *declared: str) -> "DeclaredProduct":
        """`whole`, of which only these sections can be read; another section raises UndeclaredError."""
        made = cls.model_construct(
            **{name: each for name, each in whole.__dict__.items() if name in Product.model_fields}
        )
        made._whole, made._declared = whole, sections_of(*declared)  # noqa: SLF001  # its own
        return made

    def __getattribute__(self, name: str) -> Any:  # noqa: ANN401  # sections of all kinds
        if name in Product.model_fields and name not in self._declared:
            raise UndeclaredError(f"the section `{name}` is read but isn't declared; add it to `sections`")
        return super().__getattribute__(name)

    def section_hash(self, *declared: str) -> str:
        """As of the whole file, of declared sections."""
        if lacking := sections_of(*declared) - self._declared:
            raise UndeclaredError(f"the sections {', '.join(sorted(lacking))} are read but aren't declared")
        return self._whole.section_hash(*declared)
