"""How `tree_value` is judged: checks, mistakes, right answers."""

import itertools

import torch

from lessons.debate.exercises import tree_value
from utils.grading import expect


def _play(leaves, yes_moves=True):
    """The game by full search, in plain Python."""
    if len(leaves) == 1:
        return leaves[0]
    half = len(leaves) // 2
    ends = (_play(leaves[:half], not yes_moves), _play(leaves[half:], not yes_moves))
    return any(ends) if yes_moves else all(ends)


def _is(fn, rows, wanted):
    expect(fn(torch.tensor(rows, dtype=torch.bool)), torch.tensor(wanted, dtype=torch.bool))


@tree_value.check
def a_single_leaf_and_a_single_choice(fn):
    _is(fn, [[True], [False]], [True, False])
    _is(fn, [[0, 0], [0, 1], [1, 0], [1, 1]], [False, True, True, True])


@tree_value.check
def yes_chooses_and_no_answers(fn):
    # The right half is safe against both answers; the left one is not; then neither is.
    _is(fn, [[1, 0, 1, 1], [1, 0, 0, 1], [1, 1, 0, 0]], [True, False, True])


@tree_value.check
def some_x_for_every_y(fn):
    # Leaves in the order of (x, y): is there an x so that f(x, y) for every y?
    for f in (lambda x, y: x | y, lambda x, y: x & y, lambda x, y: x ^ y, lambda x, y: x >= y):
        row = [bool(f(x, y)) for x, y in itertools.product((0, 1), repeat=2)]
        _is(fn, [row], [any(all(bool(f(x, y)) for y in (0, 1)) for x in (0, 1))])


@tree_value.check
def every_tree_of_three_choices_by_full_search(fn):
    rows = [list(row) for row in itertools.product((False, True), repeat=8)]
    _is(fn, rows, [_play(row) for row in rows])


@tree_value.check
def deeper_trees_by_full_search(fn):
    g = torch.Generator().manual_seed(0)
    for depth in (4, 5, 6, 7):
        leaves = torch.rand(9, 2**depth, generator=g) < 0.6
        before = leaves.clone()
        _is(fn, leaves.tolist(), [_play(row) for row in leaves.tolist()])
        fn(leaves)
        expect(leaves, before)  # what was handed over is as it was


def _fold(leaves, turns, or_first=True):
    """For the mistakes: halves joined level by level, in the order of `turns`."""
    for turn in turns:
        left, right = leaves[..., 0::2], leaves[..., 1::2]
        leaves = (left | right) if (turn % 2 == 0) == or_first else (left & right)
    return leaves[..., 0]


def _depth(leaves):
    return leaves.shape[-1].bit_length() - 1


for _text, _fn in {
    "the sides are exchanged: no chooses first": lambda x: _fold(
        x, reversed(range(_depth(x))), or_first=False
    ),
    "turns are counted from the leaves: the last choice is taken for the first": lambda x: _fold(
        x, range(_depth(x))
    ),
    "yes makes every choice: one adviser, and nobody answers": lambda x: x.any(-1),
    "no makes every choice: every leaf has to be True": lambda x: x.all(-1),
    "the majority of the leaves, where two sides choose": lambda x: x.float().mean(-1) > 0.5,
    "one level is missing: the last choice is never made": lambda x: _fold(
        x, reversed(range(1, _depth(x)))
    ),
    "the last leaf decides, nobody chooses": lambda x: x[..., -1],
    "the last dimension is left over: shape (trees, 1)": lambda x: _fold(
        x, reversed(range(_depth(x)))
    )[:, None],
    "numbers 0.0 and 1.0, where True and False were asked for": lambda x: _fold(
        x, reversed(range(_depth(x)))
    ).float(),
    "the whole batch is one game: a single bool": lambda x: _fold(
        x, reversed(range(_depth(x)))
    ).all(),
    "halves are joined left with right half, where neighbors belong together": (
        lambda x: _by_halves(x)
    ),
}.items():
    tree_value.mistake(_text)(_fn)


def _by_halves(x):
    for turn in reversed(range(_depth(x))):
        left, right = x.chunk(2, -1)
        x = (left | right) if turn % 2 == 0 else (left & right)
    return x[..., 0]


@tree_value.right("by recursion from the root, any and all")
def _(leaves):
    def value(part, yes_moves):
        if part.shape[-1] == 1:
            return part[..., 0]
        left, right = (value(half, not yes_moves) for half in part.chunk(2, -1))
        return left | right if yes_moves else left & right

    return value(leaves, True)


@tree_value.right("by maximum and minimum over one axis a choice")
def _(leaves):
    depth = leaves.shape[-1].bit_length() - 1
    board = leaves.reshape(len(leaves), *[2] * depth).int()
    for turn in reversed(range(depth)):
        board = board.amax(-1) if turn % 2 == 0 else board.amin(-1)
    return board.bool()
