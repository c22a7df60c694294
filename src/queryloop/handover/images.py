"""Images go out as pictures and a table, and their labels come back in it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from queryloop import samples as tables
from queryloop.errors import MissingFilesError
from queryloop.exchange.answers import check_answers, read_answers
from queryloop.exchange.pictures import TABLE, write_pictures
from queryloop.exchange.writing import FOR_SPREADSHEETS, whole_folder
from queryloop.experiment import Experiment
from queryloop.handover.asked import Asked
from queryloop.handover.kind import Kind, Told
from queryloop.pipelines.embed import embed


class Images(Kind):
    """One label each."""

    def ask(self, experiment: Experiment, asked: Asked, folder: Path) -> str:
        """Pictures, and a table to fill in."""
        samples, images = map(experiment.catalog.load, ("samples", "images"))
        rows = tables.rows_of(samples, asked.open["sample_id"].tolist())
        classes = tables.classes(samples)
        write_pictures(folder, images[rows], asked.open, classes)
        return (
            f"{len(rows)} images and a table are in {folder}. Fill in the column `label` of query.csv with "
            f"one of {', '.join(classes)}"
        )

    def files(self, given: Path) -> list[Path]:
        """The table: the file itself, or query.csv of a folder."""
        path = given / TABLE if given.is_dir() else given
        if not path.is_file():
            raise MissingFilesError(
                f"{path} is missing: tell the table that `kedro al ask` wrote or its folder."
            )
        return [path]

    def mark(self, asked: Asked, path: Path) -> str:  # noqa: ARG002
        """Nothing: the table names its samples."""
        return ""

    def read(self, experiment: Experiment, asked: Asked, given: Path) -> Told:
        """Labels from a table. Raises BrokenFileError as `read_answers` and `check_answers` do."""
        (path,) = self.files(given)
        found, samples = read_answers(path), experiment.catalog.load("samples")
        ids = [*asked.query["sample_id"], *asked.labeled["sample_id"]]
        check_answers(found, path, samples["sample_id"], ids, tables.classes(samples))
        return Told(found)

    def export(self, experiment: Experiment, asked: Asked, folder: Path) -> str:  # noqa: ARG002
        """labels.csv."""
        labeled = asked.labeled_by_now
        with whole_folder(folder) as begun:
            labeled.to_csv(begun / "labels.csv", index=False, encoding=FOR_SPREADSHEETS)
        return f"{len(labeled)} labels"

    def predict(self, experiment: Experiment, asked: Asked, folder: Path) -> str:
        """predictions.csv, by the first network, which metrics are of."""
        samples, splits = map(experiment.catalog.load, ("samples", "splits"))
        known = samples["label"].where(splits["split"] != "train")
        told = asked.labeled_by_now.set_index("sample_id")["label"]
        table = splits.assign(label=splits["sample_id"].map(told).fillna(known))
        with whole_folder(folder) as begun:
            found = table.assign(**_predicted(experiment))
            found.to_csv(begun / "predictions.csv", index=False, encoding=FOR_SPREADSHEETS)
        return f"predictions.csv: of {len(table)} images the label where it is known, and the predicted one"


def _predicted(experiment: Experiment) -> dict[str, np.ndarray]:
    """The likeliest class of each sample and its probability."""
    from queryloop.tasks.classification.prediction import predict

    checkpoint = experiment.catalog.load("checkpoint")
    inputs = embed(*map(experiment.catalog.load, ("images", "features")))
    assert isinstance(inputs, np.ndarray)
    rows, training = np.arange(len(inputs)), experiment.options.training
    probs = predict(checkpoint, inputs, rows, frozenset({"probs"}), training)["probs"].numpy()
    classes = np.array(checkpoint.settings["classes"])
    return {"predicted": classes[probs.argmax(axis=1)], "probability": probs.max(axis=1)}
