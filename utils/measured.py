"""Numbers that depend on training: written with ≈, inside a range stated beforehand."""

import math


def approx(value: float, low: float, high: float, digits: int = 3) -> str:
    """`value` as "≈0.402 (0.3 to 0.5)". Raises ValueError outside [low, high].

    The same run ends on slightly different digits on another processor, so the notebooks' test
    compares everything but the digits behind ≈, and this range takes their place.
    """
    value = float(value)
    if not (math.isfinite(value) and low <= value <= high):
        raise ValueError(
            f"measured {value:.{digits}g}, outside the stated range {low:g} to {high:g}. If you "
            "changed the experiment, change the range; if not, please report it."
        )
    return f"≈{value:.{digits}g} ({low:g} to {high:g})"
