"""Build the one SparkSession of a program, embedded by default, the same code on a cluster.

What Spark must know before its JVM starts is `settings`: `build` hands it over when a program starts
the JVM itself, `launch` when spark-submit does.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from jdl_spark import environment, resources

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ONE_THREAD = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
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
        If Java or the Delta jars are missing or are not the ones we know: never a silent download from a job.
    """
    from pyspark.sql import SparkSession

    submitted = "PYSPARK_GATEWAY_PORT" in os.environ
    master = None if submitted else master or "local[*]"
    if master is not None:
        os.environ.update(variables(master))
    given = {**(everywhere() if master is None else settings(master)), **(conf or {})}
    builder = SparkSession.builder.appName(name)
    for key, value in given.items():
        builder = builder.config(key, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel(_log_level())
    return spark


def variables(master: str) -> dict[str, str]:
    """Return the environment of a driver: BLAS, Java, and the Python that workers start.

    They are set before NumPy is imported in a job, since BLAS looks at them once.
    """
    found = {**ONE_THREAD, **KERNEL_FAMILY, "JAVA_HOME": str(environment.find_java().home)}
    found["SPARK_HOME"] = str(environment.spark_home())
    found["PYSPARK_PYTHON"] = os.environ.get("PYSPARK_PYTHON", sys.executable)  # else whatever python3 is on PATH
    found["PYSPARK_DRIVER_PYTHON"] = sys.executable
    if _is_local(master):
        found["SPARK_LOCAL_IP"] = "127.0.0.1"
    return found


def everywhere() -> dict[str, str]:
    """Return the Spark settings that results depend on, wherever a job runs."""
    return {
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.execution.arrow.pyspark.enabled": "true",
        **{f"spark.executorEnv.{key}": value for key, value in (ONE_THREAD | KERNEL_FAMILY).items()},
    }


def settings(master: str) -> dict[str, str]:
    """Return all Spark settings of a program on this master."""
    log4j = resources.conf("log4j2.properties").as_uri()
    found = {
        **everywhere(),
        "spark.master": master,
        "spark.jars": ",".join(str(jar) for jar in environment.delta_jars()),
        "spark.driver.memory": environment.driver_memory(),
        "spark.driver.extraJavaOptions": f"-Dlog4j2.configurationFile={log4j}",
        "spark.ui.showConsoleProgress": "false",
    }
    if _is_local(master):
        tasks = str(2 * environment.cores())
        found |= {
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.ui.enabled": "false",
            "spark.sql.shuffle.partitions": tasks,
            "spark.databricks.delta.snapshotPartitions": "1",
            "spark.sql.sources.parallelPartitionDiscovery.parallelism": tasks,
        }
    return found


def _is_local(master: str) -> bool:
    return master.startswith("local")


def _log_level() -> str:
    return os.environ.get("JDL_LOG_LEVEL", "error").upper()
