"""spark-submit entry: create the tables of a lake."""

from __future__ import annotations

from pathlib import Path

import _job

from jdl_spark import pipeline
from jdl_spark.errors import UsageError


def init(job: _job.Job) -> str:
    """Create the lake at --lake; what exists stays."""
    key = None
    if job.arguments.key_file:
        try:
            key = bytes.fromhex(job.arguments.key_file.read_text(encoding="ascii").strip())
        except (OSError, ValueError) as error:
            raise UsageError("the key file must hold the key in hexadecimal and be readable") from error
    pipeline.init_lake(job.store, key)
    return f"the lake at {job.store.lake} is ready"


if __name__ == "__main__":
    arguments = _job.parser("init", init.__doc__ or "")
    arguments.add_argument("--key-file", type=Path, help="file with the pseudonym key in hexadecimal; else a new one")
    _job.run(arguments, init)
