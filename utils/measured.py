"""Numbers that depend on training: written with ≈, inside a range stated beforehand."""

import os

RANGES = "COURSE_CHECK_RANGES"  # set to 1 by the build and the tests, never for a learner


def approx(value: float, low: float, high: float, digits: int = 3) -> str:
    """`value` as "≈0.402". Where ranges are checked, ValueError outside [low, high].

    The same run ends on slightly different digits on another processor, so the notebooks' test
    compares everything but the digits behind ≈, and this range takes their place. A learner who
    changes an experiment sees the new number, and neither the range nor an error.
    """
    value = float(value) + 0.0  # no "-0"
    if os.environ.get(RANGES) == "1" and not low <= value <= high:  # nan is never inside
        raise ValueError(
            f"measured {value:.{digits}g}, outside the stated range {low:g} to {high:g}: the "
            "experiment or its range has to change"
        )
    rounded = float(f"{value:.{digits}g}")
    # 1230 and not 1.23e+03; beyond a million, and below 0.0001, powers of ten are easier to read.
    return f"≈{rounded:.{max(digits, 6)}g}"
