"""How `candidate_swaps` is judged: checks, mistakes, right answers in other styles."""

import math

import torch

from lessons.gradient_attacks.exercises import candidate_swaps
from utils.grading import expect, require


def gen(seed=0):
    return torch.Generator().manual_seed(seed)


def everything(n):
    return torch.ones(n, dtype=torch.bool)


def of_shape(got, *shape):
    ok = torch.is_tensor(got) and got.shape == shape and not got.is_floating_point()
    require(ok, f"integers of shape {shape}", got)
    return got


@candidate_swaps.check
def with_one_place_and_k_1_only_the_most_negative_word_is_left(fn):
    gradient = torch.tensor([[[3.0, -1.0, -4.0, 0.5]]])
    got = fn(gradient, torch.tensor([[0]]), 3, 1, everything(4), gen())
    expect(of_shape(got, 3, 1, 1), torch.full((3, 1, 1), 2))


@candidate_swaps.check
def forbidden_words_are_never_put_in(fn):
    gradient = torch.tensor([[[-9.0, -5.0, -7.0, 1.0, 2.0]]])
    allowed = torch.tensor([False, True, False, True, True])
    got = of_shape(fn(gradient, torch.tensor([[0]]), 40, 2, allowed, gen()), 40, 1, 1)
    require(set(got.flatten().tolist()) == {1, 3}, "words 1 and 3, both of them", got.flatten())


@candidate_swaps.check
def at_most_one_place_changes_and_every_place_does_at_times(fn):
    gradient = torch.randn(2, 3, 10, generator=gen(1))
    gradient[:, :, :3] = 5.0  # the words that stand there now promise nothing
    suffixes = torch.tensor([[0, 1, 2], [2, 0, 1]])
    got = of_shape(fn(gradient, suffixes, 400, 4, everything(10), gen(2)), 400, 2, 3)
    changed = got != suffixes
    require(bool((changed.sum(-1) == 1).all()), "one changed place each", changed.sum(-1))
    share = changed.float().mean(0)
    require(
        bool(((share > 0.25) & (share < 0.42)).all()),
        "each place of each request about a third of the time",
        share,
    )


@candidate_swaps.check
def new_words_are_the_k_best_of_their_own_place(fn):
    gradient = torch.randn(2, 3, 12, generator=gen(3))
    suffixes = torch.full((2, 3), 11)
    gradient[:, :, 11] = 9.0
    got = of_shape(fn(gradient, suffixes, 400, 3, everything(12), gen(4)), 400, 2, 3)
    for i in range(2):
        for p in range(3):
            words = got[:, i, p][got[:, i, p] != 11].tolist()
            want = sorted(range(12), key=lambda w, i=i, p=p: gradient[i, p, w].item())[:3]
            require(set(words) == set(want), f"words {sorted(want)} at place {p}", set(words))
            rarest = min(words.count(w) for w in want) / len(words)
            require(rarest > 0.15, "each of them about a third of the time", rarest)


@candidate_swaps.check
def candidates_of_one_step_differ_in_their_place(fn):
    gradient = -torch.arange(8.0).expand(2, 4, 8)
    got = of_shape(fn(gradient, torch.zeros(2, 4).long(), 64, 1, everything(8), gen(5)), 64, 2, 4)
    place = (got != 0).float().argmax(-1)
    for i in range(2):
        require(len(place[:, i].unique()) == 4, "all four places among 64", place[:, i])
    require(not torch.equal(place[:, 0], place[:, 1]), "draws of its own for each request", place)


@candidate_swaps.check
def words_are_drawn_for_each_candidate_and_request(fn):
    gradient = torch.arange(8.0).expand(2, 1, 8)
    got = of_shape(fn(gradient, torch.full((2, 1), 7), 64, 4, everything(8), gen(9)), 64, 2, 1)
    word = got[..., 0]
    require(not torch.equal(word[:, 0], word[:, 1]), "words of its own for each request", word)
    again = of_shape(fn(gradient, torch.full((2, 1), 7), 64, 4, everything(8), gen(10)), 64, 2, 1)
    require(not torch.equal(got, again), "other words from another seed", again[..., 0])
    counts = torch.bincount(word[:, 0], minlength=4)[:4]
    require(len(set(counts.tolist())) > 1, "words by chance, not in turn", word[:, 0])


@candidate_swaps.check
def the_present_word_may_be_drawn_if_it_is_among_the_best(fn):
    gradient = torch.tensor([[[-5.0, 1.0, 2.0]]])
    got = fn(gradient, torch.tensor([[0]]), 4, 1, everything(3), gen(11))
    expect(of_shape(got, 4, 1, 1), torch.zeros(4, 1, 1, dtype=torch.long))


@candidate_swaps.check
def the_generator_decides_and_the_suffixes_stay(fn):
    gradient = torch.randn(2, 4, 20, generator=gen(6))
    suffixes = torch.zeros(2, 4).long()
    first, again, other = (
        fn(gradient, suffixes, 16, 5, everything(20), gen(seed)) for seed in (7, 7, 8)
    )
    of_shape(first, 16, 2, 4)
    expect(again, first)
    require(not torch.equal(first, other), "other draws from another seed", other)
    require(bool((suffixes == 0).all()), "suffixes as they were", suffixes)


def _build(promising, suffixes, n_candidates, k, place, rank):
    word = promising[torch.arange(len(suffixes)), place, rank]
    return suffixes.repeat(n_candidates, 1, 1).scatter(2, place[..., None], word[..., None])


def _draws(suffixes, n_candidates, k, generator):
    n, places = suffixes.shape
    place = torch.randint(places, (n_candidates, n), generator=generator)
    return place, torch.randint(k, (n_candidates, n), generator=generator)


def _promising(gradient, allowed, k):
    return (-gradient).masked_fill(~allowed, -math.inf).topk(k, dim=-1).indices


@candidate_swaps.mistake("the sign: words that raise the loss most are proposed")
def _(gradient, suffixes, n_candidates, k, allowed, generator):
    draws = _draws(suffixes, n_candidates, k, generator)
    return _build(_promising(-gradient, allowed, k), suffixes, n_candidates, k, *draws)


@candidate_swaps.mistake("`allowed` is ignored: forbidden words get in")
def _(gradient, suffixes, n_candidates, k, allowed, generator):
    draws = _draws(suffixes, n_candidates, k, generator)
    return _build((-gradient).topk(k, -1).indices, suffixes, n_candidates, k, *draws)


@candidate_swaps.mistake("forbidden words masked with 0, which beats a positive gradient")
def _(gradient, suffixes, n_candidates, k, allowed, generator):
    draws = _draws(suffixes, n_candidates, k, generator)
    promising = (-gradient).masked_fill(~allowed, 0.0).topk(k, -1).indices
    return _build(promising, suffixes, n_candidates, k, *draws)


@candidate_swaps.mistake("the gradient's size counts, not its sign: |g| proposes")
def _(gradient, suffixes, n_candidates, k, allowed, generator):
    draws = _draws(suffixes, n_candidates, k, generator)
    return _build(_promising(-gradient.abs(), allowed, k), suffixes, n_candidates, k, *draws)


def _best_of_all_places(gradient, suffixes, n_candidates, n_best, allowed, generator):
    n_words = gradient.shape[2]
    order = gradient.masked_fill(~allowed, math.inf).flatten(1).argsort(-1)[:, :n_best]
    draw = torch.randint(n_best, (n_candidates, len(suffixes)), generator=generator)
    chosen = order.gather(1, draw.T).T[..., None]
    return suffixes.repeat(n_candidates, 1, 1).scatter(2, chosen // n_words, chosen % n_words)


@candidate_swaps.mistake("the k best of all places together: each place has k of its own")
def _(gradient, suffixes, n_candidates, k, allowed, generator):
    return _best_of_all_places(gradient, suffixes, n_candidates, k, allowed, generator)


@candidate_swaps.mistake("one top-k over all places: a steep place is drawn more often")
def _(gradient, suffixes, n_candidates, k, allowed, generator):
    n_best = k * suffixes.shape[1]
    return _best_of_all_places(gradient, suffixes, n_candidates, n_best, allowed, generator)


@candidate_swaps.mistake("always the best word: the draw among the k is missing")
def _(gradient, suffixes, n_candidates, k, allowed, generator):
    place, rank = _draws(suffixes, n_candidates, k, generator)
    return _build(_promising(gradient, allowed, k), suffixes, n_candidates, k, place, 0 * rank)


@candidate_swaps.mistake("one place for all candidates of a step: that is AutoPrompt")
def _(gradient, suffixes, n_candidates, k, allowed, generator):
    place, rank = _draws(suffixes, n_candidates, k, generator)
    place = place[:1].expand_as(place)
    return _build(_promising(gradient, allowed, k), suffixes, n_candidates, k, place, rank)


@candidate_swaps.mistake("the same draws for all requests")
def _(gradient, suffixes, n_candidates, k, allowed, generator):
    place, rank = _draws(suffixes, n_candidates, k, generator)
    place, rank = place[:, :1].expand_as(place), rank[:, :1].expand_as(rank)
    return _build(_promising(gradient, allowed, k), suffixes, n_candidates, k, place, rank)


@candidate_swaps.mistake("every place is swapped at once")
def _(gradient, suffixes, n_candidates, k, allowed, generator):
    promising = _promising(gradient, allowed, k)
    rank = torch.randint(k, (n_candidates, *suffixes.shape), generator=generator)
    return promising.expand(n_candidates, -1, -1, -1).gather(3, rank[..., None])[..., 0]


@candidate_swaps.mistake("words of another place: place and word are drawn apart")
def _(gradient, suffixes, n_candidates, k, allowed, generator):
    place, rank = _draws(suffixes, n_candidates, k, generator)
    promising = _promising(gradient, allowed, k)[:, :1].expand(-1, suffixes.shape[1], -1)
    return _build(promising, suffixes, n_candidates, k, place, rank)


@candidate_swaps.mistake("draws with a seed of its own: the generator given is not used")
def _(gradient, suffixes, n_candidates, k, allowed, generator):
    draws = _draws(suffixes, n_candidates, k, gen(0))
    return _build(_promising(gradient, allowed, k), suffixes, n_candidates, k, *draws)


@candidate_swaps.mistake("the first place twice as often as the others")
def _(gradient, suffixes, n_candidates, k, allowed, generator):
    n, places = suffixes.shape
    place = (torch.randint(places + 1, (n_candidates, n), generator=generator) - 1).clamp(min=0)
    rank = torch.randint(k, (n_candidates, n), generator=generator)
    return _build(_promising(gradient, allowed, k), suffixes, n_candidates, k, place, rank)


@candidate_swaps.mistake("the words are tried in turn, not drawn")
def _(gradient, suffixes, n_candidates, k, allowed, generator):
    place, rank = _draws(suffixes, n_candidates, k, generator)
    rank = (torch.arange(n_candidates) % k)[:, None].expand_as(rank)
    return _build(_promising(gradient, allowed, k), suffixes, n_candidates, k, place, rank)


@candidate_swaps.mistake("the same word ranks for all requests: only the places differ")
def _(gradient, suffixes, n_candidates, k, allowed, generator):
    place, rank = _draws(suffixes, n_candidates, k, generator)
    rank = rank[:, :1].expand_as(rank)
    return _build(_promising(gradient, allowed, k), suffixes, n_candidates, k, place, rank)


@candidate_swaps.mistake("the present word is left out of the draw")
def _(gradient, suffixes, n_candidates, k, allowed, generator):
    draws = _draws(suffixes, n_candidates, k, generator)
    gradient = gradient.scatter(2, suffixes[..., None], math.inf)
    return _build(_promising(gradient, allowed, k), suffixes, n_candidates, k, *draws)


@candidate_swaps.mistake("the last place is never swapped: an index too few")
def _(gradient, suffixes, n_candidates, k, allowed, generator):
    n, places = suffixes.shape
    place = torch.randint(max(places - 1, 1), (n_candidates, n), generator=generator)
    rank = torch.randint(k, (n_candidates, n), generator=generator)
    return _build(_promising(gradient, allowed, k), suffixes, n_candidates, k, place, rank)


@candidate_swaps.right("by loops")
def _(gradient, suffixes, n_candidates, k, allowed, generator):
    n, places = suffixes.shape
    words = allowed.nonzero()[:, 0]
    out = suffixes.clone()[None].repeat(n_candidates, 1, 1)
    for c in range(n_candidates):
        for i in range(n):
            p = int(torch.randint(places, (1,), generator=generator))
            best = words[gradient[i, p, words].argsort()[:k]]
            out[c, i, p] = best[int(torch.randint(k, (1,), generator=generator))]
    return out


@candidate_swaps.right("by sorting, and a draw of place and rank in one number")
def _(gradient, suffixes, n_candidates, k, allowed, generator):
    n, places = suffixes.shape
    order = gradient.masked_fill(~allowed, math.inf).argsort(-1)[..., :k]
    draw = torch.randint(places * k, (n_candidates, n), generator=generator)
    word = order.reshape(n, -1).gather(1, draw.T).T
    here = torch.nn.functional.one_hot(draw // k, places).bool()
    return torch.where(here, word[..., None], suffixes)
