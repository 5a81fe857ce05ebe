"""The manifest of a data set as Parquet: a row an image. Never imports torch."""

from __future__ import annotations

from pathlib import Path

from bits.data.inspection import Inspection, Note
from bits.records.files import replacing, write_text


def write_manifest(path: Path, name: str, place: str, found: Inspection) -> None:
    """Columns as in `inspection.Row`; the schema's metadata hold the set's name, its place and its identity."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema(
        {
            "path": pa.string(),
            "split": pa.string(),
            "labels": pa.list_(pa.string()),
            "bytes": pa.int64(),
            "modified": pa.timestamp("ns", tz="UTC"),
            "digest": pa.string(),
            "height": pa.int32(),
            "width": pa.int32(),
            "left_out": pa.string(),
        },
        metadata={"data set": name, "place": place, "identity": found.identity},
    )
    columns = list(zip(*found.rows, strict=True)) or [()] * len(schema)
    table = pa.table(
        [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)], schema=schema
    )
    with replacing(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")


def write_notes(path: Path, notes: tuple[Note, ...]) -> None:
    """All that is wrong, a line each, as CSV."""
    import csv
    import io

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(Note._fields)
    writer.writerows(notes)
    write_text(path, text.getvalue().encode("utf-8", "replace").decode("utf-8"))
