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
    for name, values in goals.items():
        ax.plot(n_choices, values, label=f"the goal,\n{name}", **plots.GOLD)
    ax.axhline(0, color="0.7", linewidth=0.8, zorder=0)
    ax.set_xscale("log", base=2)
    ax.set_xticks(n_choices[::2], [f"{n:,}" for n in n_choices[::2]])
    ax.set(xlabel="best of n, chosen by the proxy", ylabel="mean of the chosen")
    ax.set_title("What the proxy leaves out decides: level off, or fall")
    plots.label_ends(ax)
    ends = [f"at {float(values[-1]):.1f} where {name}" for name, values in goals.items()]
    return fig, (
        f"Mean of the chosen against n from {n_choices[0]} to {n_choices[-1]}. The proxy, dashed, "
        f"rises throughout, to {float(proxies[-1]):.1f}. The goal, solid, ends {', '.join(ends)}."
    )
