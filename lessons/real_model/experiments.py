"""The experiments of this lesson, and what is stored of them for where the model is not installed.

`python -m lessons.real_model.experiments` runs them all for seed 0 and writes stored.json.
"""

import inspect
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lessons.real_model.heads import PERIOD as PERIOD
from lessons.real_model.heads import Found as Found
from lessons.real_model.heads import Heads as Heads
from lessons.real_model.heads import Hooks as Hooks
from lessons.real_model.heads import Llama as Llama
from lessons.real_model.heads import (
    Shuffled,
    apart,
    copying,
    dialogue,
    losses,
    loudest,
    many_shots,
    others,
    repeated,
    says,
    scores_of,
    search,
    without,
)
from lessons.real_model.heads import Tokenizer as Tokenizer
from lessons.real_model.negatives import lens, opinions, refusals
from lessons.real_model.reading import autoencoder, steering, truth
from utils import llama

__all__ = [
    "Shuffled", "apart", "autoencoder", "copying", "dialogue", "lens", "losses", "loudest",
    "many_shots", "measure", "opinions", "others", "refusals", "repeated", "says", "scores_of",
    "search", "steering", "truth", "without",
]  # fmt: skip
STORED = Path(__file__).with_name("stored.json")
ALL = (
    says,
    apart,
    search,
    copying,
    many_shots,
    truth,
    steering,
    autoencoder,
    lens,
    refusals,
    opinions,
)
AFTER_SEARCH = ("copying", "many_shots")  # they need the heads that were found


def measure(
    experiment: Callable[..., Found],
    model: llama.Llama | llama.Absent,
    tokenizer: llama.Tokenizer | llama.Absent,
    seed: int = 0,
    *more: Any,
) -> Found:
    """What an experiment finds; without the model what seed 0 gave when it was stored, and a line
    that says so, or that something else was asked for."""
    name = experiment.__name__
    if not isinstance(seed, int):
        raise ValueError(f"a seed is a whole number, not {seed!r}")
    heads = more[0] if more and isinstance(more[0], dict) else {}
    if name in AFTER_SEARCH and not {"five", "scores"} <= heads.keys():
        call = f"measure({name}, model, tokenizer, {seed}, five)"
        raise ValueError(f"{name} needs the heads that search found, as in {call}")
    if model:
        return experiment(model, tokenizer, seed, *more)
    stored = json.loads(STORED.read_text(encoding="utf-8"))
    usual = tuple(p.default for p in inspect.signature(experiment).parameters.values())[3:]
    if seed == 0 and more in ((), usual, (stored["search"],)):
        print("Stored, not measured here: what seed 0 gave.")
    else:
        print("This cannot be measured without the model. Stored, shown instead: what seed 0 gave.")
    return stored[name]


def everything(seed: int) -> dict[str, Found]:
    """All experiments for a seed, by their names."""
    model, tokenizer = llama.load()
    found: dict[str, Found] = {}
    for experiment in ALL:
        more = [found["search"]] if experiment.__name__ in AFTER_SEARCH else []
        found[experiment.__name__] = experiment(model, tokenizer, seed, *more)
    return found


def rounded(found: object) -> object:
    """The same with its numbers to five digits."""
    if isinstance(found, dict):
        return {name: rounded(value) for name, value in found.items()}
    if isinstance(found, list | tuple):
        return [rounded(value) for value in found]
    return float(f"{found:.5g}") if isinstance(found, float) else found


if __name__ == "__main__":
    STORED.write_text(json.dumps(rounded(everything(0)), indent=None) + "\n", encoding="utf-8")
