"""How floor plans are drawn."""

import matplotlib.pyplot as plt

from utils.floors import WALL, draw_floor, draw_way
from utils.worlds.grids import Floor


def test_a_floor_shows_walls_and_names_and_the_way():
    fig, ax = plt.subplots()
    draw_floor(ax, Floor("S.#", "..G"), {"G": "goal"})
    assert [t.get_text() for t in ax.texts] == ["S", "goal"]
    dark = [
        p.get_xy() for p in ax.patches if p.get_facecolor() == plt.matplotlib.colors.to_rgba(WALL)
    ]
    assert dark == [(1.5, -0.5)]
    draw_way(ax, [(0, 0), (0, 1), (1, 1), (1, 2), (1, 2)], shift=0.1, label="way")
    (line,) = ax.get_lines()
    assert line.get_xydata()[-1].tolist() == [2.1, 1.1] and line.get_label() == "way"
    assert [*ax.texts[-1].xy] == [2.1, 1.1]
    draw_way(ax, [(0, 0)])
    assert ax.get_lines()[-1].get_marker() == "o"
    plt.close(fig)
