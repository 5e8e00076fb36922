"""Parquet export of a study's tidy table, by pyarrow; a row group for each session."""

from collections.abc import Sequence
from pathlib import Path

from ferdesk.adapters.outputs.parquet_file import load_pyarrow, parquet_file
from ferdesk.studies.results import StudySession
from ferdesk.studies.tidy_table import tidy_columns, tidy_part


def write_tidy_parquet(runs: Sequence[StudySession], path: Path) -> None:
    """Write the tidy table; columns and their order are those of the CSV, empty ones are null.

    Raises:
        RecordingError: pyarrow is not installed, or the file cannot be written.
    """
    pa = load_pyarrow()
    types = {
        "text": pa.string(),
        "integer": pa.int64(),
        "flag": pa.bool_(),
        "number": pa.float32(),
        "seconds": pa.float64(),
    }
    columns = tidy_columns(runs)
    schema = pa.schema(
        [pa.field(one.name, types[one.kind], metadata={"about": one.about}) for one in columns],
        metadata={"ferdesk.study": runs[0].study.name},
    )
    with parquet_file(path) as file, pa.parquet.ParquetWriter(file, schema) as writer:
        for run in runs:
            part = tidy_part(run, columns)
            arrays = [
                pa.array(values.astype(object) if one.kind == "text" else values,
                         types[one.kind], mask=empty)
                for one, values, empty in zip(columns, part.values, part.empty, strict=True)
            ]  # fmt: skip
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
