"""Recordings have no section of their own: a source brings them."""

from pipeline.core.product_base import FileModel
from pipeline.core.product_sections import Sections

SECTIONS = Sections(FileModel, brought_by={"recordings": "rrweb"})
