-- One row per session day, page, device, width class, kind, layer and cell: clicks, moves, attention, reach, fold.
select
    *,
    y_bin * 20 as y_px
from heatmap_cells
