"""Build the one SparkSession of a program, embedded by default, the same code on a cluster."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from jdl_spark import environment

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ONE_THREAD = {name: "1" for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")}
"""BLAS in workers: two threads on a busy two-core machine ran 18 times slower than one."""

KERNEL_FAMILY = {"OPENBLAS_CORETYPE": "Haswell"}
"""One BLAS kernel family everywhere: another one gives other last bits."""


def build(name: str, master: str | None = None, conf: Mapping[str, str] | None = None) -> SparkSession:
    """Return the program's SparkSession with Delta Lake.

    Parameters
    ----------
    name : str
        What the Spark UI and the event log call the program.
    master : str, optional
        Master URL. Left out, spark-submit's decides, else `local[*]`.
    conf : mapping, optional
        More Spark settings; they win.

    Raises
    ------
    EnvironmentProblem
        If the Delta jars are missing or are not the ones we know: never a silent download from a job.
    """
    from pyspark.sql import SparkSession

    settings = _settings(master)
    settings.update(conf or {})
    builder = SparkSession.builder.appName(name)
    for key, value in settings.items():
        builder = builder.config(key, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    return spark


def _settings(master: str | None) -> dict[str, str]:
    submitted = "PYSPARK_GATEWAY_PORT" in os.environ
    local = (master or "local").startswith("local") and not submitted
    settings = {
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.execution.arrow.pyspark.enabled": "true",
    }
    settings |= {f"spark.executorEnv.{key}": value for key, value in (ONE_THREAD | KERNEL_FAMILY).items()}
    os.environ.update(ONE_THREAD | KERNEL_FAMILY)  # local workers inherit from the driver
    if local:
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # else workers start whatever python3 is on PATH
        cores = os.cpu_count() or 1
        settings |= {
            "spark.master": master or "local[*]",
            "spark.jars": ",".join(str(jar) for jar in environment.delta_jars()),
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.driver.memory": environment.driver_memory(),
            "spark.ui.enabled": "false",
            "spark.ui.showConsoleProgress": "false",
            "spark.sql.shuffle.partitions": str(2 * cores),
            "spark.databricks.delta.snapshotPartitions": "1",
            "spark.sql.sources.parallelPartitionDiscovery.parallelism": str(2 * cores),
            "spark.log.level": "ERROR",
        }
    return settings
