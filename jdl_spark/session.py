"""Build the one SparkSession of a program, embedded by default, the same code on a cluster."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from jdl_spark import environment, resources
from jdl_spark.errors import EnvironmentProblem
from jdl_spark.launch import KERNEL_FAMILY, ONE_THREAD

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


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
        If Java or the Delta jars are missing (never a silent download from a job), or Spark does not start.
    """
    from pyspark.sql import SparkSession

    os.environ.update(ONE_THREAD | KERNEL_FAMILY)  # local workers inherit from the driver
    submitted = "PYSPARK_GATEWAY_PORT" in os.environ
    settings = dict(_EVERYWHERE)
    settings |= {f"spark.executorEnv.{key}": value for key, value in (ONE_THREAD | KERNEL_FAMILY).items()}
    if not submitted:
        settings |= _embedded(master)
    if os.environ.get("JDL_LOCAL") == "1" or not submitted:
        settings |= _small_machine()
    settings |= conf or {}
    builder = SparkSession.builder.appName(name)
    for key, value in settings.items():
        builder = builder.config(key, value)
    try:
        spark = builder.getOrCreate()
    except Exception as error:
        raise EnvironmentProblem(
            f"Spark did not start ({type(error).__name__}); jdl doctor looks at this machine; "
            "of a cluster see whether it is up, its address is right, and SPARK_CONF_DIR holds its secret"
        ) from error
    if "JDL_PACKAGE" in os.environ:
        spark.sparkContext.addPyFile(os.environ["JDL_PACKAGE"])  # launch.py made it for the executors
    return spark


_EVERYWHERE = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    "spark.ui.showConsoleProgress": "false",
}


def _embedded(master: str | None) -> dict[str, str]:
    """Return what spark-submit would have said, for programs that start Spark in their own process."""
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # else workers start whatever python3 is on PATH
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    os.environ["JAVA_HOME"] = str(environment.find_java().home)
    return {
        "spark.master": master or "local[*]",
        "spark.jars": ",".join(str(jar) for jar in environment.delta_jars()),
        "spark.driver.memory": environment.driver_memory(),
        "spark.driver.extraJavaOptions": f"-Dlog4j2.configurationFile={resources.conf('log4j2.properties').as_uri()}",
    }


def _small_machine() -> dict[str, str]:
    """Return the settings that make small jobs on one machine bearable: Spark's defaults are for clusters."""
    tasks = str(2 * environment.cores())
    return {
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.sql.shuffle.partitions": tasks,
        "spark.databricks.delta.snapshotPartitions": "1",
        "spark.sql.sources.parallelPartitionDiscovery.parallelism": tasks,
    }
