"""The product file's pages and zones, as Pydantic models (docs/definitions/zones.md)."""

from datetime import date
from pathlib import PurePosixPath
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from pipeline.core.product_base import FileModel, Name
from pipeline.core.product_selectors import Selector


def _inside_home(file: str) -> str:
    path = PurePosixPath(file)
    if path.is_absolute() or ".." in path.parts or path.suffix not in (".png", ".jpg", ".jpeg", ".webp"):
        raise ValueError(f"{file!r} must be a .png, .jpg or .webp below the product file's folder")
    return file


class Picture(FileModel):
    """What a page looks like, for the report; a redesign adds one with another valid_from."""

    file: Annotated[str, AfterValidator(_inside_home)] = Field(description="relative to the product file")
    device_type: str
    width: int = Field(ge=1, le=20_000, description="width of the page in CSS px that the picture shows")
    valid_from: date | None = None
    valid_to: date | None = None


class Page(FileModel):
    """A page is a name plus URL patterns; the first page of the list that fits an address names it."""

    name: Name
    urls: tuple[str, ...] = Field(
        min_length=1,
        description="paths with * for anything but a slash and ** for anything, :id for a part; ?name=value and #/part "
        "where the page depends on them",
    )
    content_max_width: int | None = Field(
        None, ge=1, description="width in px that the content is centred in; default: the window's"
    )
    pictures: tuple[Picture, ...] = ()
    stage: Name | None = Field(None, description="stage of the customer journey, by which scores are broken down")


class Box(FileModel):
    """Where a zone lies on its page, in px from the page's top left."""

    device_type: str | None = Field(None, description="on this device; default: on every one")
    x: int = Field(0, ge=0)
    y: int = Field(ge=0)
    width: int | None = Field(None, ge=1, description="default: to the right edge")
    height: int = Field(ge=1)


class Zone(FileModel):
    """A zone is a name plus CSS selectors on a page; a redesign adds a version with another valid_from."""

    name: Name
    page: Name
    selectors: tuple[Selector, ...] = Field(min_length=1)
    device_type: str | None = Field(None, description="only on this device")
    valid_from: date | None = Field(None, description="first local day; default: the product's start_date")
    valid_to: date | None = Field(None, description="last local day; default: still valid")
    boxes: tuple[Box, ...] = Field(
        (), description="where it lies: exposure follows from scrolling, the report draws it"
    )

    @model_validator(mode="after")
    def _one_box_per_device(self) -> Self:
        devices = [box.device_type for box in self.boxes]
        if len(set(devices)) != len(devices):
            raise ValueError(f"boxes: zone {self.name!r} has two boxes for one device")
        return self

    def box(self, device_type: str) -> Box | None:
        """Where it lies on this device; None: not known."""
        result = {box.device_type: box for box in self.boxes}
        return result.get(device_type, result.get(None))
