"""An interval for a share that may rest on few people, or be none or all of them."""

from __future__ import annotations

import math
from statistics import NormalDist


def wilson(count: int, people: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the interval in which the share behind a count is likely to lie.

    Unlike the share plus and minus two standard errors it stays within 0 and 1, and says something
    where the count is 0.

    Parameters
    ----------
    count : people with the property; 0 to `people`.
    people : people looked at. None at all: every share is possible.
    confidence : for instance 0.95.

    Returns
    -------
    (float, float). Lower and upper end, in [0, 1].

    Raises
    ------
    ValueError
        If the count does not lie between 0 and `people`.

    References
    ----------
    Wilson, E. B. (1927), Probable inference, the law of succession, and statistical inference,
    Journal of the American Statistical Association 22, 209-212.

    Examples
    --------
    >>> [round(end, 4) for end in wilson(10, 200)]
    [0.0274, 0.0896]
    """
    if not 0 <= count <= people:
        raise ValueError("a count lies between none and all of the people")
    if not people:
        return 0.0, 1.0
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share, weight = count / people, z * z / people
    middle = share + weight / 2
    reach = z * math.sqrt(share * (1 - share) / people + weight / people / 4)
    low = 0.0 if count == 0 else (middle - reach) / (1 + weight)
    high = 1.0 if count == people else (middle + reach) / (1 + weight)
    return low, high
