"""How `contamination_score` is judged: checks, mistakes, right answers in other styles."""

from lessons.evals.exercises import contamination_score
from utils.grading import expect, require


@contamination_score.check
def all_of_it_and_none_of_it(fn):
    expect(fn([1, 2, 3], [[0, 1, 2, 3, 4]], 2), 1.0)
    expect(fn([1, 2, 3], [[3, 2, 1], [1, 3]], 2), 0.0)


@contamination_score.check
def numbers_are_whole_words(fn):
    expect(fn([1, 2], [[11, 2, 3]], 2), 0.0)
    expect(fn([1, 2], [[1, 22], [31, 2]], 2), 0.0)


@contamination_score.check
def the_inputs_are_left_as_they_are(fn):
    item, corpus = [1, 2, 3], [[2, 3, 4], [1]]
    fn(item, corpus, 2)
    require(item == [1, 2, 3] and corpus == [[2, 3, 4], [1]], "item and corpus unchanged", item)


@contamination_score.check
def half_of_the_pairs(fn):
    expect(fn([1, 2, 3], [[9, 1, 2, 9]], 2), 0.5)


@contamination_score.check
def words_alone_for_n_of_one(fn):
    expect(fn([1, 2, 3, 4], [[2], [4, 9]], 1), 0.5)


@contamination_score.check
def no_ngram_runs_from_one_text_into_the_next(fn):
    expect(fn([1, 2, 3], [[0, 1], [2, 3]], 2), 0.5)
    expect(fn([5, 6, 7], [[5, 6], [7, 8]], 3), 0.0)


@contamination_score.check
def the_last_ngrams_count(fn):
    expect(fn([1, 2, 3, 4], [[7, 3, 4]], 2), 1 / 3)
    expect(fn([1, 2, 3], [[1, 2, 3]], 3), 1.0)


@contamination_score.check
def an_ngram_twice_in_the_item_counts_twice(fn):
    expect(fn([1, 2, 1, 2, 3], [[1, 2]], 2), 0.5)


@contamination_score.check
def twice_in_the_corpus_counts_once(fn):
    expect(fn([1, 2, 3], [[1, 2, 1, 2], [1, 2]], 2), 0.5)


@contamination_score.check
def gaps_do_not_count(fn):
    expect(fn([1, 2, 3, 4, 5], [[1, 9, 2, 9, 3], [1, 3, 5]], 2), 0.0)


@contamination_score.check
def too_short_an_item_or_an_empty_corpus(fn):
    expect(fn([1, 2], [[1, 2, 3]], 3), 0.0)
    expect(fn([], [[1]], 1), 0.0)
    expect(fn([1, 2], [], 1), 0.0)
    expect(fn([1, 2], [[], [1]], 2), 0.0)


def _grams(text, n):
    return [tuple(text[i : i + n]) for i in range(len(text) - n + 1)]


@contamination_score.mistake("the last n-gram is left out: there are k − n + 1 of them")
def _(item, corpus, n):
    known = {g for text in corpus for g in _grams(text, n)[:-1]}
    grams = _grams(item, n)[:-1]
    return sum(g in known for g in grams) / len(grams) if grams else 0.0


@contamination_score.mistake("any n-gram found makes it 1: a share is asked for")
def _(item, corpus, n):
    known = {g for text in corpus for g in _grams(text, n)}
    return float(any(g in known for g in _grams(item, n)))


@contamination_score.mistake("it counts, and does not divide by the item's n-grams")
def _(item, corpus, n):
    known = {g for text in corpus for g in _grams(text, n)}
    return float(sum(g in known for g in _grams(item, n)))


@contamination_score.mistake("divided by the item's words, not by its n-grams")
def _(item, corpus, n):
    known = {g for text in corpus for g in _grams(text, n)}
    return sum(g in known for g in _grams(item, n)) / len(item) if len(item) else 0.0


@contamination_score.mistake("texts are run together: an n-gram crosses from one into the next")
def _(item, corpus, n):
    known = set(_grams([w for text in corpus for w in text], n))
    grams = _grams(item, n)
    return sum(g in known for g in grams) / len(grams) if grams else 0.0


@contamination_score.mistake("order is ignored: n-grams are compared as sets of words")
def _(item, corpus, n):
    known = {frozenset(g) for text in corpus for g in _grams(text, n)}
    grams = _grams(item, n)
    return sum(frozenset(g) in known for g in grams) / len(grams) if grams else 0.0


@contamination_score.mistake("different n-grams of the item count once each")
def _(item, corpus, n):
    known, grams = {g for text in corpus for g in _grams(text, n)}, set(_grams(item, n))
    return len(grams & known) / len(grams) if grams else 0.0


@contamination_score.mistake("n is ignored: single words are compared")
def _(item, corpus, n):
    known = {w for text in corpus for w in text}
    return sum(w in known for w in item) / len(item) if len(item) else 0.0


@contamination_score.mistake("the item's n-grams do not overlap: they start at every word")
def _(item, corpus, n):
    known = {g for text in corpus for g in _grams(text, n)}
    grams = _grams(item, n)[::n]
    return sum(g in known for g in grams) / len(grams) if grams else 0.0


@contamination_score.mistake("the share of the corpus that stands in the item: the wrong way round")
def _(item, corpus, n):
    known, grams = set(_grams(item, n)), [g for text in corpus for g in _grams(text, n)]
    return sum(g in known for g in grams) / len(grams) if grams else 0.0


@contamination_score.mistake("an item shorter than n divides by zero")
def _(item, corpus, n):
    known = {g for text in corpus for g in _grams(text, n)}
    return sum(g in known for g in _grams(item, n)) / len(_grams(item, n))


@contamination_score.mistake("numbers are compared as text: 1 2 is found in 11 2")
def _(item, corpus, n):
    texts, grams = [" ".join(map(str, text)) for text in corpus], _grams(item, n)
    found = sum(any(" ".join(map(str, g)) in t for t in texts) for g in grams)
    return found / len(grams) if grams else 0.0


@contamination_score.right("by loops that look each n-gram up in every text")
def _(item, corpus, n):
    found = total = 0
    for i in range(len(item) - n + 1):
        total += 1
        gram = list(item[i : i + n])
        found += any(
            list(text[j : j + n]) == gram for text in corpus for j in range(len(text) - n + 1)
        )
    return 0.0 if total == 0 else found / total


@contamination_score.right("as text with spaces around the words")
def _(item, corpus, n):
    texts = ["," + ",".join(map(str, text)) + "," for text in corpus]
    grams = ["," + ",".join(map(str, g)) + "," for g in _grams(item, n)]
    return sum(any(g in t for t in texts) for g in grams) / max(len(grams), 1)
