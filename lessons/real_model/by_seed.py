"""What the text says of all ten seeds beside the claims, a row of numbers a seed.

`python -m lessons.real_model.by_seed` measures it and writes by_seed.json (some seven minutes).
"""

import json
from pathlib import Path

import torch

from lessons.real_model.experiments import Found, rounded
from lessons.real_model.negatives import SETTINGS, opinion_less_mention
from utils.claims import FRESH_SEEDS, SEEDS

STORED = Path(__file__).with_name("by_seed.json")
NEEDED = ("copying", "truth", "steering", "autoencoder", "opinions")
NEGATED = "capitals, not"


def row(found: Found) -> Found:
    """What the text says of a seed, from what the experiments in NEEDED found in it."""
    return (
        _copying(found["copying"])
        | _truth(found["truth"])
        | _steering(found["steering"])
        | _autoencoder(found["autoencoder"])
        | _opinions(found["opinions"])
    )


def _copying(told: Found) -> Found:
    rises = {
        f"{who}, {kind}": [loss - told["intact"] for loss in told[f"{who}, {kind}"]]
        for who in ("the five", "others")
        for kind in ("whole", "patterns kept")
    }
    pairs = {who: told[f"prose, {who}"]["pairs again"] for who in ("intact", "the five", "others")}
    return {
        "gain from a first time": told["first time"] - told["intact"],
        **rises,
        "pairs again, the five": pairs["the five"] - pairs["intact"],
        "pairs again, others": pairs["others"] - pairs["intact"],
    }


def _truth(told: Found) -> Found:
    def beyond(form: str, probe: str) -> int:
        """How many random directions do as well, either way round."""
        score = told[form][probe]
        return sum(max(r, 1 - r) >= max(score, 1 - score) for r in told[form]["random"])

    above = {form: torch.tensor(told[form]["points"]) > told["threshold"] for form in FORMS}
    true, false = above["capitals"].chunk(2)
    return {
        "accuracy on capitals": (true.sum() + (~false).sum()).item() / len(above["capitals"]),
        "negated called true": above[NEGATED].sum().item(),
        "general, new cities": list(told["new cities"].values()),
        "general, capitals": told["capitals"]["both forms"],
        "general, negated": told[NEGATED]["both forms"],
        "general, word pairs": told["word pairs"]["both forms"],
        "random as good as cities": [beyond(form, "cities") for form in FORMS],
        "random as good as general": [beyond(form, "both forms") for form in FORMS],
    }


FORMS = ("capitals", NEGATED, "word pairs")


def _steering(told: Found) -> Found:
    return {
        f"{name}, {kind}": max(map(abs, effects[name])) / effects["difference of means"]
        for kind, effects in told.items()
        for name in ("balanced shuffle", "plain shuffle")
    }


def _autoencoder(told: Found) -> Found:
    share = told["recovered"]
    return {"PCA 128 beyond trained": share["PCA 128"] - share["trained"]}


def _opinions(told: Found) -> Found:
    both = {setting: opinion_less_mention(told, setting) for setting in SETTINGS}
    nothing = told["nothing"]["right"]
    return {
        "more lost by an opinion": {setting: lost for setting, (lost, _) in both.items()},
        "more gained by an opinion": {setting: gained for setting, (_, gained) in both.items()},
        "right city more likely by": {
            what: told[what]["right"] - nothing
            for what in ("an opinion, right", "a mention, right", "no city")
        },
    }


def stored() -> list[Found]:
    """The rows of all ten seeds, in their order."""
    return json.loads(STORED.read_text(encoding="utf-8"))


def by_seed(name: str) -> list:
    """What is stored under a name, seed by seed."""
    return [row[name] for row in stored()]


def main() -> None:
    """Measure all rows and store them."""
    from lessons.real_model.claims import found

    rows = [row({name: found(name, seed) for name in NEEDED}) for seed in SEEDS + FRESH_SEEDS]
    STORED.write_text(json.dumps(rounded(rows), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
