"""An answer under test: the same world for every check, a time limit, its last call remembered."""

import builtins
import contextlib
import ctypes
import inspect
import math
import random
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

CPU_SECONDS = 20.0  # for all checks of one answer; the references need one at most
WALL_SECONDS = 120.0  # the same for answers that sleep; a busy machine gives a tenth of a CPU
IN_PLACE = " was changed in place"  # after an input's name
SEED = 271828  # unlike any seed a check gives to a generator
# Where torch.compile spends its time, as against what it has compiled.
COMPILING = ("torch._dynamo.convert_frame", "torch._inductor.compile_fx")


class TimeLimit(BaseException):
    """Ends an answer that runs too long. No Exception, so that `except Exception` lets it pass."""


class AskedForInput(Exception):
    """An answer called input(), and nobody is there to type."""


class Mismatch(Exception):
    """A check found something other than the truth."""

    def __init__(self, expected: Any, got: Any, given: dict[str, Any]):
        super().__init__(f"expected {expected}, got {got}")
        self.expected, self.got, self.given = expected, got, given


class Recorder:
    """Stands in for an answer inside a check: remembers the last call, and guards its inputs."""

    def __init__(self, answer: Callable, reference: Callable):
        self.answer, self.name = answer, reference.__name__
        self.signature = inspect.signature(reference)  # an answer may hide its own in *args
        self.given: dict[str, Any] = {}
        self.got: Any = None
        self.raised: BaseException | None = None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.given = {k: _copy(v) for k, v in self._bind(args, kwargs).items()}
        self.got = None
        changed = None
        try:
            self.got = self.answer(*args, **kwargs)
        except BaseException as error:
            self.raised = error
            raise
        finally:
            if not self.name.endswith("_"):  # torch's sign for "works in place"
                changed = self._put_back(args, kwargs)
        if changed:
            raise Mismatch(f"{changed} unchanged", changed + IN_PLACE, self.given)
        return self.got

    def _put_back(self, args: tuple, kwargs: dict) -> str | None:
        """Undo what the answer did to its inputs, which checks may share; name one of them."""
        changed = None
        for name, value in self._bind(args, kwargs).items():
            if torch.is_tensor(value) and not alike(value, self.given[name], 0.0):
                changed, before = name, self.given[name]
                if value.shape == before.shape:
                    value.detach().copy_(before)  # into the memory that views of it share
                else:
                    value.data = before.clone()
        return changed

    def _bind(self, args: tuple, kwargs: dict) -> dict[str, Any]:
        try:
            return dict(self.signature.bind(*args, **kwargs).arguments)
        except (TypeError, ValueError):
            return {f"argument {i}": v for i, v in enumerate(args)} | kwargs


def _copy(value: Any) -> Any:
    return value.detach().clone() if torch.is_tensor(value) else value


def alike(a: Any, b: Any, tol: float) -> bool:
    """Whether two outputs are the same behavior: for naming the mistake, never for passing."""
    try:
        return _compare(a, b, tol)
    except Exception:  # sparse, nested, quantized: whatever it is, it is not alike
        return False


def _compare(a: Any, b: Any, tol: float, wobble: float = 0.05) -> bool:
    a, b = (x.item() if isinstance(x, np.generic) else x for x in (a, b))
    if torch.is_tensor(a) and torch.is_tensor(b):
        if a.shape != b.shape or a.dtype.is_complex or b.dtype.is_complex:
            return False
        return torch.allclose(a.double(), b.double(), rtol=tol, atol=tol, equal_nan=True)
    if isinstance(a, BaseException) or isinstance(b, BaseException):
        return type(a) is type(b)
    numbers = all(isinstance(x, int | float) and not isinstance(x, bool) for x in (a, b))
    if numbers and float in (type(a), type(b)):  # statistics of random samples wobble
        close = math.isclose(
            a, b, rel_tol=wobble, abs_tol=1e-9
        )  # a sum that should be 0 may not be
        return a == b or close or (math.isnan(a) and math.isnan(b))
    if type(a) is not type(b):
        return False
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(_compare(x, y, tol, tol) for x, y in zip(a, b, strict=True))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(_compare(a[key], b[key], tol, tol) for key in a)
    return repr(a) == repr(b)


class Budget:
    """The time one answer has: CPU seconds of its own thread, and more by the clock on the wall."""

    def __init__(self) -> None:
        self.used, self.limit = 0.0, CPU_SECONDS
        self.wall = WALL_SECONDS
        self.end = time.monotonic() + self.wall

    def error_of(self, work: Callable[[], Any]) -> BaseException | None:
        """Run `work` in a thread, on any platform; return what it raised, TimeLimit if too long.

        Raises KeyboardInterrupt only when the reader interrupts the kernel, not when `work` does.
        """
        raised: list[BaseException] = []
        clock: Callable[[], float] | None = None

        def target() -> None:
            nonlocal clock
            clock = _cpu_clock()
            # Twice, since a second TimeLimit may arrive while the first is being caught.
            try:
                try:
                    work()
                except BaseException as error:
                    raised.append(error)
                finally:
                    self.used = before + clock()
            except TimeLimit:
                raised.append(TimeLimit())

        before = self.used
        thread = threading.Thread(target=target, daemon=True)
        thread.start()
        try:
            while thread.is_alive():
                with contextlib.suppress(OSError):  # the clock of a thread that has just ended
                    self.used = max(self.used, before + (clock() if clock else 0.0))
                left = min(self.limit - self.used, self.end - time.monotonic())
                if left <= 0:
                    why = self._too_long(thread)
                    _stop(thread)
                    return why
                thread.join(left)  # in so much time it cannot use more than so much
        except KeyboardInterrupt:
            _stop(thread)
            raise
        return raised[0] if raised else None

    def _too_long(self, thread: threading.Thread) -> TimeLimit:
        frame = sys._current_frames().get(thread.ident)
        while frame:
            if frame.f_globals.get("__name__") in COMPILING:
                return TimeLimit("torch.compile was still compiling when its time was up")
            frame = frame.f_back
        if self.used < self.limit:
            text = (
                f"no answer within {self.wall:.0f} seconds: does it sleep, or wait for something?"
            )
        else:
            text = (
                f"no answer within {self.limit:.0f} seconds: a loop that never ends, or a slow one?"
            )
        return TimeLimit(text)


def _cpu_clock() -> Callable[[], float]:
    """A clock of the CPU time used from here on by this thread, to be read from any thread."""
    try:
        ident = time.pthread_getcpuclockid(threading.get_ident())
    except AttributeError:  # macOS, Windows: that of the process, in which little else runs
        read = time.process_time
    else:

        def read() -> float:
            return time.clock_gettime(ident)

    start = read()
    return lambda: read() - start


def _stop(thread: threading.Thread) -> None:
    # A bare `except:` can swallow one such exception, so it is sent until the thread ends. A
    # thread stuck inside one C call is left behind: it is a daemon, and the lesson goes on.
    for _ in range(100):
        if not thread.is_alive():
            break
        ctypes.pythonapi.PyThreadState_SetAsyncExc(
            ctypes.c_ulong(thread.ident), ctypes.py_object(TimeLimit)
        )
        thread.join(0.01)


@contextlib.contextmanager
def isolated() -> Iterator[None]:
    """The same world for every check, whatever was done before; what is done in it ends here."""
    dtype, threads, ask = torch.get_default_dtype(), torch.get_num_threads(), builtins.input
    # Answers may use the global generators, numpy's and Python's too. (torch.manual_seed would
    # take most of the time of a check, for devices that are not used here.)
    global_torch = torch.default_generator
    states = global_torch.get_state(), np.random.get_state(), random.getstate()  # noqa: NPY002
    global_torch.manual_seed(SEED)
    np.random.seed(SEED)  # noqa: NPY002
    random.seed(SEED)
    torch.set_default_dtype(torch.float32)
    builtins.input = _nobody_types
    try:
        yield
    finally:
        builtins.input = ask
        torch.set_default_dtype(dtype)
        torch.set_num_threads(threads)
        global_torch.set_state(states[0])
        np.random.set_state(states[1])  # noqa: NPY002
        random.setstate(states[2])


def _nobody_types(*prompt: object) -> str:
    raise AskedForInput("input() was called, and a check cannot type")
