"""What the contact sheet shows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from queryloop.errors import InputError
from queryloop.plots import gallery
from queryloop.plots.gallery import TILE, query_gallery, tile
from queryloop.plots.palette import VERMILLION
from queryloop.plots.sheet import GAP, HEAD, MARGIN, clipped

from .rows import captions


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def images(rng: np.random.Generator, n: int, *shape: int) -> np.ndarray:
    return rng.integers(0, 256, (n, *shape), dtype=np.uint8)


def at(sheet: Image.Image, number: int) -> np.ndarray:
    """The pixels of the numbered tile."""
    row, column = divmod(number, gallery._COLUMNS)
    x = MARGIN + column * (TILE + GAP)
    y = HEAD + row * (TILE + gallery._CAPTION + GAP)
    return np.asarray(sheet)[y : y + TILE, x : x + TILE]


def n_warning(sheet: Image.Image) -> int:
    """How many pixels have the colour of a wrong prediction."""
    color = [int(VERMILLION[i : i + 2], 16) for i in (1, 3, 5)]
    return int((np.asarray(sheet) == color).all(axis=-1).sum())


def test_a_small_grey_image_is_enlarged_in_whole_squares(rng: np.random.Generator) -> None:
    (image,) = images(rng, 1, 8, 8, 1)
    expected = image[..., 0].repeat(12, axis=0).repeat(12, axis=1)
    np.testing.assert_array_equal(np.asarray(tile(image)), expected)


def test_a_tile_of_the_sheet_holds_the_enlarged_image(rng: np.random.Generator) -> None:
    several = images(rng, 12, 32, 32, 3)
    sheet = query_gallery(several, captions(12), 50)
    for number in (0, 8, 9, 11):
        expected = several[number].repeat(3, axis=0).repeat(3, axis=1)
        np.testing.assert_array_equal(at(sheet, number), expected)


@pytest.mark.parametrize(
    ("shape", "size"),
    [
        ((28, 28, 1), (96, 96)),
        ((28, 28, 3), (96, 96)),
        ((300, 200, 3), (64, 96)),
        ((1, 500, 1), (96, 1)),
        ((1, 1, 1), (96, 96)),
        ((97, 97, 3), (96, 96)),
    ],
)
def test_any_shape_is_fitted_into_a_tile(
    rng: np.random.Generator, shape: tuple[int, ...], size: tuple[int, int]
) -> None:
    assert tile(images(rng, 1, *shape)[0]).size == size


@pytest.mark.parametrize(("channels", "shown"), [(2, 1), (4, 3), (13, 3)])
def test_of_many_channels_the_first_are_shown(rng: np.random.Generator, channels: int, shown: int) -> None:
    (image,) = images(rng, 1, 32, 32, channels)
    np.testing.assert_array_equal(np.asarray(tile(image)), np.asarray(tile(image[..., :shown])))


def test_the_sheet_grows_with_what_is_shown(rng: np.random.Generator) -> None:
    sizes = [query_gallery(images(rng, n, 8, 8, 1), captions(n), n).size for n in (1, 9, 10, 36)]
    assert sizes[0] < sizes[1]
    assert sizes[1][0] == sizes[2][0]
    assert sizes[1][1] < sizes[2][1] < sizes[3][1]


@pytest.mark.parametrize(
    ("predicted", "label", "marked"), [("cat", "cat", False), ("cat", "dog", True), ("cat", None, False)]
)
def test_only_a_prediction_known_to_be_wrong_is_marked(
    rng: np.random.Generator, predicted: str, label: str | None, marked: bool
) -> None:
    caption = captions(1).assign(predicted=predicted, label=pd.Series([label], dtype="str"))
    assert (n_warning(query_gallery(images(rng, 1, 8, 8, 1), caption, 1)) > 0) == marked


def test_a_wrong_prediction_is_marked_by_shape_too(rng: np.random.Generator) -> None:
    right, wrong = (
        query_gallery(images(rng, 1, 8, 8, 1), captions(1).assign(label=label), 1) for label in ("cat", "dog")
    )
    frame = (right.width, HEAD + TILE + gallery._FRAME)
    below = (0, frame[1], right.width, right.height)
    assert n_warning(wrong.crop((0, 0, *frame))) > 4 * TILE * 2
    assert n_warning(wrong.crop(below)) > gallery._CROSS


def test_a_long_class_name_stays_below_its_image(rng: np.random.Generator) -> None:
    caption = captions(1).assign(predicted="w" * 200, label="w" * 200)
    sheet = query_gallery(images(rng, 1, 8, 8, 1), caption, 1)
    beside = np.asarray(sheet)[HEAD:, MARGIN + TILE + gallery._FRAME :]
    assert (beside == 255).all()


@pytest.mark.parametrize("name", ["Ankle boot", "automobile", "T-shirt/top", "Rubber vine"])
def test_usual_class_names_are_not_cut(name: str) -> None:
    assert clipped(f"-> {name}", TILE) == f"-> {name}"


def test_a_score_may_be_missing(rng: np.random.Generator) -> None:
    (image,) = images(rng, 1, 8, 8, 1)
    sheets = [query_gallery(image[None], captions(1).assign(score=score), 1) for score in (0.5, np.nan)]
    parts = [np.asarray(sheet) for sheet in sheets]
    assert (parts[0] != parts[1]).any()
    assert (parts[1][HEAD + TILE :] != 255).any()


def test_nothing_asked_for_gives_a_small_picture_that_is_not_empty(rng: np.random.Generator) -> None:
    sheet = query_gallery(images(rng, 0, 8, 8, 1), captions(0), 0)
    assert sheet.height < TILE
    assert (np.asarray(sheet) != 255).any()


def test_images_without_captions_are_refused(rng: np.random.Generator) -> None:
    with pytest.raises(InputError, match="3 images do not fit 2 captions"):
        query_gallery(images(rng, 3, 8, 8, 1), captions(2), 2)
