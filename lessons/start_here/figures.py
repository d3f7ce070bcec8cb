"""What this lesson draws."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from torch import Tensor

from utils import plots


def choosing_harder(
    n_choices: Sequence[int], proxies: Sequence[Tensor], goals: dict[str, Sequence[Tensor]]
) -> tuple[Figure, str]:
    """The mean of the chosen, proxy and goal, against the number to choose from."""
    fig, ax = plt.subplots(figsize=(6, 3.6))
    ax.plot(n_choices, proxies, label="the proxy itself", **plots.PROXY)
    ax.axhline(0, color="0.7", linewidth=0.8, zorder=0)
    for name, values in goals.items():
        ax.plot(n_choices, values, label=f"the goal,\n{name}", **plots.GOLD)
        peak = max(range(len(values)), key=lambda i: float(values[i]))
        if 0 < peak < len(values) - 1:
            ax.annotate(
                f"n = {n_choices[peak]}", (n_choices[peak], values[peak]), (0, 7),
                textcoords="offset points", ha="center", fontsize=9,
            )  # fmt: skip
    ax.set_xscale("log", base=2)
    ax.set_xticks(n_choices[::2], [f"{n:,}" for n in n_choices[::2]])
    ax.set(
        xlabel="n, from which the proxy chooses the best (log scale)",
        ylabel="mean of the chosen\n(1 = sd of quality)",
    )
    ax.set_title("What the proxy leaves out decides whether the goal can turn")
    plots.label_ends(ax)
    said = [_course(n_choices, values, name) for name, values in goals.items()]
    return fig, (
        f"Mean of the chosen against n from {n_choices[0]} to {n_choices[-1]}. The proxy, dashed, "
        f"rises throughout, to {float(proxies[-1]):.1f}. The goal, solid: {'; '.join(said)}."
    )


def _course(n_choices: Sequence[int], values: Sequence[Tensor], name: str) -> str:
    """Where a curve begins, peaks and ends."""
    peak = max(range(len(values)), key=lambda i: float(values[i]))
    top = f"is highest at n = {n_choices[peak]} ({float(values[peak]):.1f}) and "
    way = top if 0 < peak < len(values) - 1 else ""
    return f"where {name} it begins at {float(values[0]):.1f}, {way}ends at {float(values[-1]):.1f}"
