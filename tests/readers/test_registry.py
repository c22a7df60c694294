from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from queryloop.errors import BrokenFileError, OptionsError
from queryloop.options import DataOptions
from queryloop.readers import registry
from queryloop.readers.entries import DATASETS

SETS = [
    ("mnist", "mnist"),
    ("cifar10", "shards"),
    ("cifar10", "batches"),
    ("droughtwatch", "pastures"),
]
OF_THE_SPLIT = {"test", "validation", "transfer", "patient", "workers"}


def fingerprint(name: str, raw_root: Path, **options: Any) -> str:
    dataset = registry.find(name)
    return registry.fingerprint(dataset, dataset.source(raw_root), DataOptions(**options))


def test_wrong_name_gets_the_nearest() -> None:
    with pytest.raises(OptionsError, match=r"unknown dataset 'fashion-mnist'\. Did you mean 'fashion_mnist'"):
        registry.find("fashion-mnist")


@pytest.mark.parametrize("name", ["digits", "mnist", "fashion_mnist", "cifar10"])
def test_entry_knows_task_and_ten_classes(name: str) -> None:
    dataset = registry.find(name)
    assert (dataset.name, dataset.task, len(set(dataset.classes))) == (name, "classification", 10)


@pytest.mark.parametrize(("name", "fixture"), SETS)
def test_fingerprint_moves_with_the_folder(
    request: pytest.FixtureRequest, tmp_path: Path, name: str, fixture: str
) -> None:
    raw_root = request.getfixturevalue(fixture)
    before = fingerprint(name, raw_root)
    assert re.fullmatch("[0-9a-f]{16}", before)
    folder = registry.find(name).source(raw_root).folder
    moved = tmp_path / "moved" / folder.relative_to(raw_root)
    shutil.copytree(folder, moved)
    assert fingerprint(name, tmp_path / "moved") == before


@pytest.mark.parametrize(("name", "fixture"), SETS)
def test_one_byte_changes_the_fingerprint(request: pytest.FixtureRequest, name: str, fixture: str) -> None:
    raw_root = request.getfixturevalue(fixture)
    seen = {fingerprint(name, raw_root)}
    files = registry.find(name).source(raw_root).files
    for path in files:
        raw = bytearray(path.read_bytes())
        raw[len(raw) // 2] ^= 1
        path.write_bytes(raw)
        seen.add(fingerprint(name, raw_root))
    assert len(seen) == len(files) + 1


def test_swapped_files_change_the_fingerprint(batches: Path) -> None:
    before = fingerprint("cifar10", batches)
    first, second = registry.find("cifar10").source(batches).files[:2]
    one, two = first.read_bytes(), second.read_bytes()
    first.write_bytes(two)
    second.write_bytes(one)
    assert fingerprint("cifar10", batches) != before


def test_order_of_the_files_does_not_change_the_fingerprint(mnist: Path) -> None:
    dataset = registry.find("mnist")
    source, options = dataset.source(mnist), DataOptions()
    before = registry.fingerprint(dataset, source, options)
    assert registry.fingerprint(dataset, replace(source, names=source.names[::-1]), options) == before


@pytest.mark.parametrize("option", [{"workers": 7}, {"test": 0.2}, {"validation": 100}, {"transfer": 0.5}])
def test_options_of_the_split_do_not_change_the_fingerprint(mnist: Path, option: dict[str, float]) -> None:
    assert fingerprint("mnist", mnist, **option) == fingerprint("mnist", mnist)


def test_options_of_the_reader_change_the_fingerprint(pastures: Path) -> None:
    options: list[dict[str, Any]] = [{}, {"bands": "rgb"}, {"binary": True}, {"bands": "rgb", "binary": True}]
    assert len({fingerprint("droughtwatch", pastures, **given) for given in options}) == 4
    assert fingerprint("droughtwatch", pastures, bands="all") == fingerprint("droughtwatch", pastures)


def test_every_data_option_is_of_the_split_or_of_some_reader() -> None:
    taken = set().union(*(dataset.options for dataset in DATASETS))
    assert taken | OF_THE_SPLIT == set(DataOptions.model_fields)
    assert not taken & OF_THE_SPLIT


@pytest.mark.parametrize(
    ("name", "options"),
    [("mnist", {"bands": "rgb"}), ("digits", {"binary": True}), ("cifar10", {"binary": True, "test": 0.2})],
)
def test_option_that_a_data_set_lacks_is_refused(name: str, options: dict[str, Any]) -> None:
    option, value = next(iter(options.items()))
    with pytest.raises(OptionsError) as caught:
        registry.find(name, DataOptions(**options))
    told = f"data set {name!r} has no option data.{option} ({value!r} was given)"
    assert str(caught.value).startswith(told)
    assert "Data sets that have it: droughtwatch." in str(caught.value)


@pytest.mark.parametrize("name", ["digits", "mnist", "droughtwatch"])
def test_defaults_and_options_of_the_split_are_taken_by_all(name: str) -> None:
    options = DataOptions(test=0.2, validation=5, workers=3, bands="all", binary=False)
    assert registry.find(name, options) is registry.find(name)


def test_name_and_schema_change_the_fingerprint(mnist: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = registry.find("mnist").source(mnist)
    seen = {registry.fingerprint(registry.find(n), source, DataOptions()) for n in ("mnist", "fashion_mnist")}
    monkeypatch.setattr(registry, "SCHEMA", registry.SCHEMA + 1)
    assert len(seen | {fingerprint("mnist", mnist)}) == 3


def test_file_that_has_gone_is_named(mnist: Path) -> None:
    dataset = registry.find("mnist")
    source = dataset.source(mnist)
    source.files[1].unlink()
    with pytest.raises(BrokenFileError, match=source.files[1].name):
        registry.fingerprint(dataset, source, DataOptions())
