"""Sample tables, pools and labelled sets as pure tables: who is in which split, asked when, labelled how."""

from queryloop.samples.control import as_many_each, query_parts, random_sample, with_control
from queryloop.samples.queries import (
    asked,
    candidates,
    count_of,
    next_cycle,
    pool_without,
    progress,
    query,
    query_seed,
    query_size,
    resolve_labels,
)
from queryloop.samples.results import metrics_row, reference_key
from queryloop.samples.rows import classes, labelled_rows, rows_of
from queryloop.samples.schema import BOX, COLUMNS, table, types
from queryloop.samples.splits import (
    LABELLED,
    SAMPLERS,
    check_sizes,
    ids_in,
    known,
    refuse_unlabelled,
    split,
    starting_set,
)

__all__ = [
    "BOX",
    "COLUMNS",
    "LABELLED",
    "SAMPLERS",
    "as_many_each",
    "asked",
    "candidates",
    "check_sizes",
    "classes",
    "count_of",
    "ids_in",
    "known",
    "labelled_rows",
    "metrics_row",
    "next_cycle",
    "pool_without",
    "progress",
    "query",
    "query_parts",
    "query_seed",
    "query_size",
    "random_sample",
    "reference_key",
    "refuse_unlabelled",
    "resolve_labels",
    "rows_of",
    "split",
    "starting_set",
    "table",
    "types",
    "with_control",
]
