"""Comments as vectors of their words; scikit-learn is loaded where it is needed, since it takes a second."""

import warnings
from collections.abc import Sequence
from typing import Any

from pipeline.stats.text import stems, telling_words


def stemmed(text: str, language: str) -> str:
    """A comment's telling words without their inflection, between blanks."""
    return " ".join(stems(telling_words(text, language), language))


def word_vectors(documents: Sequence[str], **options: Any) -> tuple[Any, Any] | None:  # noqa: ANN401  # the library's own
    """TF-IDF of words between blanks, as (vectorizer, sparse matrix); None where not one word is left."""
    from sklearn.feature_extraction.text import TfidfVectorizer  # noqa: PLC0415  # slow

    words: dict[str, Any] = {"token_pattern": r"\S+", "lowercase": False, "sublinear_tf": True}
    vectors = TfidfVectorizer(**words, **options)
    try:
        return vectors, vectors.fit_transform(documents)
    except ValueError:
        return None


def factorised(matrix: Any, number: int) -> Any:  # noqa: ANN401
    """The matrix as `number` non-negative components: a fitted model, the same for the same matrix."""
    from sklearn.decomposition import NMF  # noqa: PLC0415  # slow
    from sklearn.exceptions import ConvergenceWarning  # noqa: PLC0415
    from threadpoolctl import threadpool_limits  # noqa: PLC0415

    options: dict[str, Any] = {"n_components": number, "init": "nndsvda", "random_state": 0, "max_iter": 400}
    model = NMF(**options)
    # More threads add floats in another order.
    with threadpool_limits(limits=1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        # Where few comments differ, a component may have nothing to start from; it stays empty.
        warnings.simplefilter("ignore", RuntimeWarning)
        return model.fit(matrix)


def component_weights(model: Any, matrix: Any) -> Any:  # noqa: ANN401
    """How much of each component is in each row of the matrix."""
    from threadpoolctl import threadpool_limits  # noqa: PLC0415  # slow

    with threadpool_limits(limits=1):
        return model.transform(matrix)
