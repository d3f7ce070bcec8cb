"""The countdown of whiteboard practice."""

import threading
import time

import ipywidgets

from utils import plots

LASTS = 3 * 3600  # seconds for which a clock ticks on, and an unfinished session can be taken up


def clock_face(seconds: float) -> str:
    """Minutes and seconds: 9:05."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


class Clock:
    """A countdown that ticks below its cell. It needs a kernel and a widget, and no script."""

    def __init__(self, end: float, minutes: int):
        self._end, self._stopped = end, threading.Event()
        self.widget = ipywidgets.HTML(self.text())
        plots.show_widget(self.widget, f"A countdown of {minutes} minutes")
        threading.Thread(target=self._tick, daemon=True).start()

    def text(self) -> str:
        """What the clock says now."""
        left = self._end - time.time()
        said = f"{clock_face(left)} left" if left > 0 else f"time is up ({clock_face(-left)} over)"
        return f'<b role="timer" style="font-size: 1.5em">{said}</b>'

    def _tick(self) -> None:
        while not self._stopped.wait(1.0) and time.time() < self._end + LASTS:
            self.widget.value = self.text()

    def stop(self) -> None:
        """Stop ticking; the time shown last stays."""
        self._stopped.set()
