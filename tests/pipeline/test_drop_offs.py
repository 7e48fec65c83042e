"""Where visits end, against a look at each whole path."""

from collections import Counter
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from pipeline.report.drop_offs import DropOff, drop_offs

STEPS = 4
# Paths as journeys keep them: neighbours differ, and what comes after the last step is cut off.
PATHS = st.lists(
    st.lists(st.sampled_from("abc"), min_size=1, max_size=STEPS).filter(
        lambda path: all(x != y for x, y in pairwise(path))
    ),
    max_size=30,
)


@given(PATHS)
def test_visits_end_where_their_paths_end(paths: list[list[str]]) -> None:
    steps = Counter(
        (f"{n}_{source}", f"{n + 1}_{target}")
        for path in paths
        for n, (source, target) in enumerate(pairwise(path), start=1)
    )
    alone = Counter(path[0] for path in paths if len(path) == 1)
    result = drop_offs([(*edge, visits) for edge, visits in steps.items()], dict(alone), STEPS)
    ended = Counter((len(path), path[-1]) for path in paths if len(path) < STEPS)
    came = Counter((n, item) for path in paths for n, item in enumerate(path, start=1))
    assert {(each.step, each.item): (each.came, each.ended) for each in result} == {
        key: (came[key], visits) for key, visits in ended.items()
    }
    assert [each.ended for each in result] == sorted((each.ended for each in result), reverse=True)


def test_an_item_may_have_an_underscore() -> None:
    edges = [("1_home_page", "2_cart", 3), ("2_cart", "3_home_page", 1)]
    assert drop_offs(edges, {"home_page": 5}, 5) == [
        DropOff(1, "home_page", 8, 5),
        DropOff(2, "cart", 3, 2),
        DropOff(3, "home_page", 1, 1),
    ]
    assert drop_offs([], {}, 5) == []
