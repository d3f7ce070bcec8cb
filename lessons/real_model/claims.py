"""The findings that this lesson looks for in a real model, each measured over ten seeds.

A seed draws the words, the cities, the sentences, the questions, the order of the prose, what an
autoencoder starts from, and every control. The model is the same in all of them.
"""

from functools import cache

from lessons.real_model import experiments
from lessons.real_model.experiments import Found
from lessons.real_model.negatives import SETTINGS, opinion_less_mention
from utils import llama
from utils.claims import Finding, claim

# Each of these is done once a seed, whichever claim asks first.


@cache
def found(name: str, seed: int) -> Found:
    model, tokenizer = llama.load()
    if not model:
        raise RuntimeError("claims are measured in the model itself: install the extra `real`")
    more = [found("search", seed)] if name in experiments.AFTER_SEARCH else []
    return getattr(experiments, name)(model, tokenizer, seed, *more)


OLSSON = "Olsson et al. 2022"
CROSBIE = "Crosbie & Shutova 2025, abstract"


@claim(
    "Five heads look for what came next the last time",
    source=f"{OLSSON}, arguments 1 and 6",
    paper="induction heads in every model of over one layer, from small ones to 13 billion weights",
    bound="on other words than those that they were chosen by, the least of the five scores over "
    "0.3, and no head of the model with shuffled weights does on any",
)
def heads_look_back(seed: int) -> Finding:
    told = found("search", seed)
    least = min(told["again"])
    return Finding(least, "is the least score of the five", least > 0.3 > told["shuffled"])


@claim(
    "Without the five, a repeated text is copied much worse",
    source=f"{OLSSON}, argument 3",
    paper="ablating them greatly decreases in-context learning, in small models; patterns kept",
    bound="the second time costs over 1 nat more, and over twice the rise without five other heads "
    "of the same layers (the worse of five drawn at random and the five that write most), with "
    "patterns free and with patterns kept",
)
def copying_needs_them(seed: int) -> Finding:
    told, rises, holds = found("copying", seed), [], True
    for kind in ("whole", "patterns kept"):
        five, rest = (
            max(told[f"{who}, {kind}"]) - told["intact"] for who in ("the five", "others")
        )
        rises.append(five)
        holds &= five > 1 and five > 2 * rest
    return Finding(rises[1], "nats more a token, patterns kept", holds)


@claim(
    "On ordinary prose, too, most of what context gives goes through them",
    source=f"{OLSSON}, abstract",
    paper="might be the mechanism of the majority of all in-context learning",
    bound="of the fall in loss from the first 16 to the last 16 of 64 tokens, over half is lost",
)
def prose_needs_them(seed: int) -> Finding:
    told = found("copying", seed)
    gain, left = (
        told[f"prose, {which}"]["early"] - told[f"prose, {which}"]["late"]
        for which in ("intact", "the five")
    )
    return Finding(1 - left / gain, "of the gain from context lost", 1 - left / gain > 0.5)


@claim(
    "A manner of answering is learned from many examples through them",
    source=CROSBIE,
    paper="even a minimal ablation of them lowers in-context learning of patterns by up to 32 %",
    bound="over the last six of twelve answers, a manner's tokens cost over twice as much without "
    "the five as without five others, for a phrase and for random words",
)
def shots_need_them(seed: int) -> Finding:
    told, ratios = found("many_shots", seed), []
    for kind in ("a phrase", "random words"):
        late = {which: sum(curve[-6:]) for which, curve in told[kind].items()}
        ratios.append(late["the five out"] / late["five others out"])
    return Finding(min(ratios), "times the loss with five others out", min(ratios) > 2)


@claim(
    "Without them, many examples are worth little more than none",
    source=CROSBIE,
    paper="few-shot performance close to that of zero-shot prompts, for language tasks",
    bound="over half of the fall in loss from the first answer to the last six is lost, for random "
    "words",
)
def shots_are_worth_nothing_without(seed: int) -> Finding:
    told = found("many_shots", seed)["random words"]
    intact, without = (c[0] - sum(c[-6:]) / 6 for c in (told["intact"], told["the five out"]))
    return Finding(1 - without / intact, "of the gain lost", 1 - without / intact > 0.5)


MARKS = "Marks & Tegmark 2023"


@claim(
    "A probe of true and false cities reads true and false capitals",
    source=f"{MARKS}, abstract",
    paper="probes trained on one dataset generalize to others, best those by difference of means",
    bound="AUROC at least 0.9, and beyond that of each of 20 random directions, either way round",
)
def probe_transfers(seed: int) -> Finding:
    told = found("truth", seed)["capitals"]
    score = told["cities"]
    return Finding(score, "AUROC on capitals", score >= 0.9 and score > best_of_chance(told))


def best_of_chance(told: Found) -> float:
    """The best AUROC of the random directions on a form, either way round."""
    return max(max(r, 1 - r) for r in told["random"])


@claim(
    "Where it says ‘is not’, the same probe orders true and false the wrong way round",
    source="Levinstein & Herrmann 2023, abstract",
    paper="probes of truth fail to generalize in very basic ways, negation among them",
    bound="AUROC at most 0.33 on negated capitals, two standard errors below chance, and further "
    "from 0.5 than each of 20 random directions, either way round",
)
def probe_fails_on_not(seed: int) -> Finding:
    told = found("truth", seed)["capitals, not"]
    score = told["cities"]
    holds = score <= 0.33 and 1 - score > best_of_chance(told)
    return Finding(score, "AUROC on negated capitals", holds)


@claim(
    "It tells apart word pairs that are neither true nor false",
    source="our control, after the `likely` texts of Marks & Tegmark 2023",
    paper="no figure; a direction of truth should not read what merely goes together",
    bound="AUROC at least 0.67 on ‘Paris and France.’ against ‘Paris and Japan.’, two standard "
    "errors from chance, and beyond that of each of 20 random directions, either way round",
)
def probe_reads_word_pairs(seed: int) -> Finding:
    told = found("truth", seed)["word pairs"]
    score = told["cities"]
    return Finding(score, "AUROC on word pairs", score >= 0.67 and score > best_of_chance(told))


@claim(
    "Trained on both forms, a probe reads both",
    source="Bürger, Hamprecht & Nadler 2024, abstract",
    paper="a general direction of truth for affirmed and negated statements; 94 % right in all",
    bound="AUROC at least 0.9 on capitals and on negated capitals, and on each beyond that of each "
    "of 20 random directions, either way round",
)
def both_forms_are_read(seed: int) -> Finding:
    told = [found("truth", seed)[form] for form in ("capitals", "capitals, not")]
    least = min(form["both forms"] for form in told)
    beyond = all(form["both forms"] > best_of_chance(form) for form in told)
    return Finding(least, "is the lower AUROC of the two forms", least >= 0.9 and beyond)


@claim(
    "Differences of means, added, steer the mood, and towards French",
    source="Turner et al. 2023, abstract",
    paper="adding a vector from prompts controls sentiment and topic (a language is our addition)",
    bound="what either does to the log-odds of its words goes beyond that of each of 5 random and "
    "5 balanced shuffled vectors of its length",
)
def means_steer(seed: int) -> Finding:
    ratios = []
    for effects in found("steering", seed).values():
        controls = (x for name in ("random", "balanced shuffle") for x in effects[name])
        ratios.append(effects["difference of means"] / max(map(abs, controls)))
    return Finding(min(ratios), "times the largest of ten controls, the lesser", min(ratios) > 1)


@claim(
    "With 32 numbers a token, an autoencoder keeps more than PCA",
    source="Cunningham et al. 2023; Gao et al. 2024",
    paper="sparse features instead of components; TopK for a fixed number of active ones",
    bound="32 of 1,024 latents recover more of the loss than 32 principal components, and more "
    "than before training",
)
def latents_beat_components(seed: int) -> Finding:
    told = found("autoencoder", seed)["recovered"]
    more = told["trained"] - max(told["PCA 32"], told["untrained"])
    return Finding(more, "of the loss recovered beyond PCA and untrained", more > 0)


SHARMA = "Sharma et al. 2023, section 3"


@claim(
    "A wrong opinion of the user pulls the answer over, more than a mere mention",
    source=SHARMA,
    paper="a user's suggestion of a wrong answer lowers accuracy; read as a wish to agree",
    bound="question first, in the paper's words, the right capital loses more probability by ‘I "
    "think the answer is Lyon but I'm really not sure’ than by ‘I think my friend lives in Lyon "
    "but I'm really not sure’, and Lyon gains more",
)
def opinions_beat_mentions(seed: int) -> Finding:
    lost, gained = opinion_less_mention(found("opinions", seed), SETTINGS[0])
    return Finding(lost, "more probability lost by an opinion", lost > 0 and gained > 0)


@claim(
    "So it does in whichever order, and in other words",
    source=f"our control, after {SHARMA}",
    paper="one order and one wording; a wish to agree should not depend on them",
    bound="the right capital loses more by the opinion in each of four settings: question first or "
    "last, the paper's words or ‘I think it is Lyon’ against ‘My friend lives in Lyon’",
)
def opinions_beat_mentions_anyhow(seed: int) -> Finding:
    told = found("opinions", seed)
    least = min(opinion_less_mention(told, setting)[0] for setting in SETTINGS)
    return Finding(least, "more lost by an opinion, the least of four settings", least > 0)
