"""A heatmap as one picture: the page in grey, cells over it, the darker the more, with a legend."""

import polars as pl
from markupsafe import Markup

from pipeline.domains.zones.heatmap import BIN_PX, X_BINS
from pipeline.report.parts import count, duration

# More cells than this nobody tells apart, and a page of them is slow.
_MOST_CELLS = 2_000
# Two of them, before and after, fit side by side.
_SHOWN_WIDTH = 470
# Light to dark, told apart by the colour-blind and in grey.
_SCALE = ("#fde725", "#f9a242", "#e8614e", "#b0286b", "#5a0f6e")


def heat_map(
    title: str,
    rows: pl.DataFrame,
    shown: tuple[str, float],
    picture: tuple[int, str],
    content_width: int | None = None,
) -> Markup:
    """Cells (`x_bin`, `y_bin`) over a picture of its width in px and its data address.

    `shown` names the column of their values and says which value is darkest. Of other columns than `events` cells are stretches of
    the whole width.
    """
    (value, most), (width, data) = shown, picture
    content = min(content_width or width, width)
    left = (width - content) // 2
    cells = rows.filter(pl.col(value) > 0, pl.col("x_bin").is_between(0, X_BINS - 1)).head(_MOST_CELLS)
    wide = value != "events"
    boxes: list[Markup] = []
    for x, y, number in cells.select("x_bin", "y_bin", value).rows():
        # Few cells hold most of the clicks; stretches are read as shares.
        share = number / most if wide else (number / most) ** 0.5
        at, size = (0, width) if wide else (left + x * content // X_BINS, max(6, content // X_BINS))
        said = f"{_text(number, value)} at {y * BIN_PX:,} px"
        boxes.append(
            Markup(
                '<rect x="{x}" y="{y}" width="{w}" height="{h}" fill="{fill}" fill-opacity="{o}"><title>{said}</title></rect>'
            ).format(x=at, y=y * BIN_PX, w=size, h=BIN_PX, fill=_shade(share), o=0.45 if wide else 0.8, said=said)
        )
    lowest = (int(cells["y_bin"].max()) + 2) * BIN_PX if cells.height else width // 2  # pyright: ignore[reportArgumentType]
    font = width // 46 + 8
    bar = _legend(width, lowest, font, (_text(0 if value == "seconds" else 1, value), _text(most, value)))
    height = lowest + 3 * font
    wanted = min(width, _SHOWN_WIDTH)
    return Markup(
        '<svg role="img" class="map" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {w} {h}" width="{wanted}" height="{tall}">'
        '<title>{title}</title><defs><filter id="grey"><feColorMatrix type="saturate" values="0"/></filter></defs>'
        '<image href="{data}" width="{w}" filter="url(#grey)"/>{boxes}{bar}</svg>'
    ).format(
        w=width, h=height, wanted=wanted, tall=round(height * wanted / width), title=title,
        data=Markup(data), boxes=Markup("").join(boxes), bar=bar,  # noqa: S704  # base64 of ours
    )  # fmt: skip


def _shade(share: float) -> str:
    return _SCALE[min(len(_SCALE) - 1, int(share * len(_SCALE)))]


def _text(number: float, value: str) -> str:
    return duration(number) if value == "seconds" else count(number)


def _legend(width: int, top: int, font: int, ends: tuple[str, str]) -> Markup:
    step = width // (2 * len(_SCALE))
    boxes = [
        Markup('<rect x="{x}" y="{y}" width="{w}" height="{h}" fill="{fill}"/>').format(
            x=step * n + font, y=top + font, w=step, h=font, fill=fill
        )
        for n, fill in enumerate(_SCALE)
    ]
    words = Markup(
        '<rect x="0" y="{top}" width="{w}" height="{h}" fill="#ffffff"/>{boxes}'
        '<text x="{x0}" y="{y}" font-size="{font}" fill="#202124" font-family="system-ui, sans-serif">{low}</text>'
        '<text x="{x1}" y="{y}" font-size="{font}" fill="#202124" text-anchor="end" font-family="system-ui, sans-serif">{high}</text>'
    )
    end = step * len(_SCALE) + font
    return words.format(
        top=top, w=width, h=3 * font, boxes=Markup("").join(boxes), x0=font, x1=end, y=round(top + 2.9 * font), font=round(font * 0.8),
        low=ends[0], high=ends[1],
    )  # fmt: skip
