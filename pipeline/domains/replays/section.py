"""Recordings have no section of their own: a source brings them."""

from pipeline.core.product_base import Part
from pipeline.core.product_sections import Sections

SECTIONS = Sections(Part, brought_by={"recordings": "rrweb"})
