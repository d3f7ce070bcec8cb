"""How an answer to capability_and_goal is judged."""

import torch

from lessons.goal_misgeneralization.exercises import capability_and_goal
from utils.grading import expect, require

T = torch.tensor
END = 8


def both(answer, positions, coin):
    """The two shares as a tensor (2, ...)."""
    got = answer(T(positions), T(coin), END)
    require(isinstance(got, tuple | list) and len(got) == 2, "two tensors", got)
    return torch.stack([torch.as_tensor(x) for x in got])


@capability_and_goal.check
def an_agent_that_takes_the_coin(answer):
    expect(both(answer, [[0, 1, 2]], [2]), T([1.0, 1.0]))


@capability_and_goal.check
def an_agent_that_goes_to_the_end(answer):
    expect(both(answer, [[0, 4, 8]], [2]), T([1.0, 0.0]))


@capability_and_goal.check
def what_comes_first_is_the_goal(answer):
    expect(both(answer, [[0, 2, 8], [0, 8, 2]], [2, 2]), T([1.0, 0.5]))


@capability_and_goal.check
def an_agent_that_gets_nowhere_says_nothing_of_its_goal(answer):
    expect(both(answer, [[0, 1, 1], [0, 1, 2], [0, 0, 0]], [2, 2, 2]), T([1 / 3, 1.0]))
    expect(both(answer, [[0, 1, 1]], [2]), T([0.0, float("nan")]))


@capability_and_goal.check
def a_coin_at_the_end_is_a_reached_coin(answer):
    expect(both(answer, [[0, 4, 8], [0, 1, 0]], [8, 8]), T([0.5, 1.0]))


@capability_and_goal.check
def where_it_starts_counts_and_where_it_stops_does_not_decide(answer):
    expect(both(answer, [[2, 3, 4], [8, 2, 2], [0, 2, 4]], [2, 2, 2]), T([1.0, 2 / 3]))


@capability_and_goal.check
def each_episode_has_its_own_coin(answer):
    expect(both(answer, [[0, 1, 8], [0, 1, 8]], [1, 3]), T([1.0, 0.5]))


@capability_and_goal.check
def the_end_may_be_any_cell(answer):
    got = answer(T([[0, 3, 2], [0, 8, 8]]), T([2, 5]), 3)
    expect(torch.stack([torch.as_tensor(x) for x in got]), T([0.5, 0.0]))


@capability_and_goal.check
def several_agents_are_told_apart(answer):
    g = torch.Generator().manual_seed(0)
    positions = torch.randint(0, 9, (3, 40, 6), generator=g)
    coin = torch.randint(0, 9, (40,), generator=g)
    expected = []
    for agent in positions.tolist():
        capable, wanted = 0, 0
        for path, c in zip(agent, coin.tolist(), strict=True):
            for cell in path:
                if cell in (c, END):
                    capable += 1
                    wanted += cell == c
                    break
        expected.append((capable / 40, wanted / capable))
    got = [torch.as_tensor(x) for x in answer(positions, coin, END)]
    expect(torch.stack(got), T(expected).T)


@capability_and_goal.check
def no_input_is_changed(answer):
    positions, coin = T([[0, 2, 8]]), T([2])
    answer(positions, coin, END)
    expect(positions, T([[0, 2, 8]]))
    expect(coin, T([2]))


def _shares(capable, wanted, of=None):
    of = capable if of is None else of
    return capable.float().mean(-1), wanted.float().sum(-1) / of.float().sum(-1)


@capability_and_goal.mistake("goal as a share of all episodes, not of the capable ones")
def _(positions, coin, end):
    capability, goal = capability_and_goal.reference(positions, coin, end)
    return capability, capability * goal.nan_to_num()


@capability_and_goal.mistake("ever at the coin, even after the end: what comes first decides")
def _(positions, coin, end):
    hit = (positions == coin[..., None]).any(-1)
    return _shares(hit | (positions == end).any(-1), hit)


@capability_and_goal.mistake("only the last position is looked at")
def _(positions, coin, end):
    hit = positions[..., -1] == coin
    return _shares(hit | (positions[..., -1] == end), hit)


@capability_and_goal.mistake("the start is left out of the path")
def _(positions, coin, end):
    return capability_and_goal.reference(positions[..., 1:], coin, end)


@capability_and_goal.mistake("a coin at the end is no reached coin: earlier, where it is no later")
def _(positions, coin, end):
    capability, goal = capability_and_goal.reference(positions, coin, end)
    tied = (coin == end) & (positions == end).any(-1)
    lost = tied.float().sum(-1) / positions.shape[-2]
    return capability, (capability * goal - lost) / capability


@capability_and_goal.mistake("capable is only who reaches the end")
def _(positions, coin, end):
    reference = capability_and_goal.reference(positions, coin, end)[1]
    return (positions == end).any(-1).float().mean(-1), reference


@capability_and_goal.mistake("capable is only who reaches the coin: then capability is the goal")
def _(positions, coin, end):
    hit = (positions == coin[..., None]).any(-1)
    return hit.float().mean(-1), capability_and_goal.reference(positions, coin, end)[1]


@capability_and_goal.mistake("the goal is turned around: the share that goes to the end first")
def _(positions, coin, end):
    capability, goal = capability_and_goal.reference(positions, coin, end)
    return capability, 1 - goal


@capability_and_goal.mistake("0 where no episode is capable: unknown is not 'does not want it'")
def _(positions, coin, end):
    capability, goal = capability_and_goal.reference(positions, coin, end)
    return capability, goal.nan_to_num(0.0)


@capability_and_goal.mistake("argmax of a cell that is never reached gives 0, as if at the start")
def _(positions, coin, end):
    at_coin = (positions == coin[..., None]).int().argmax(-1)
    at_end = (positions == end).int().argmax(-1)
    capable = (positions == coin[..., None]).any(-1) | (positions == end).any(-1)
    return _shares(capable, capable & (at_coin <= at_end))


@capability_and_goal.mistake("the first episode's coin is taken for all")
def _(positions, coin, end):
    return capability_and_goal.reference(positions, coin[:1].expand_as(coin), end)


@capability_and_goal.mistake("one number for all agents")
def _(positions, coin, end):
    capability, goal = capability_and_goal.reference(positions, coin, end)
    return capability.mean(), goal.mean()


@capability_and_goal.right("by the order of visits, counted")
def _(positions, coin, end):
    hit, far = positions == coin.unsqueeze(-1), positions == end
    before_end = hit & (far.long().cumsum(-1) - far.long() == 0)  # no end strictly before
    wanted, capable = before_end.any(-1), (hit | far).any(-1)
    n = capable.double().sum(-1)
    return (n / positions.shape[-2]).float(), (wanted.double().sum(-1) / n).float()


@capability_and_goal.right("by a loop over episodes")
def _(positions, coin, end):
    if positions.dim() > 2:
        pairs = [capability_and_goal.reference(p, coin, end) for p in positions]
        return tuple(torch.stack(x) for x in zip(*pairs, strict=True))
    firsts = []
    for path, c in zip(positions.tolist(), coin.tolist(), strict=True):
        firsts.append(next((cell == c for cell in path if cell in (c, end)), None))
    known = [f for f in firsts if f is not None]
    goal = sum(known) / len(known) if known else float("nan")
    return torch.tensor(len(known) / len(firsts)), torch.tensor(goal)


@capability_and_goal.right("in NumPy")
def _(positions, coin, end):
    import numpy as np

    paths, coins = positions.numpy(), coin.numpy()[:, None]
    hit = (paths == coins) | (paths == end)
    first = np.take_along_axis(paths, hit.argmax(-1)[..., None], -1)
    capable, wanted = hit.any(-1), ((first == coins)[..., 0] & hit.any(-1)).sum(-1)
    goal = np.where(capable.any(-1), wanted / np.maximum(capable.sum(-1), 1), np.nan)
    return torch.tensor(capable.mean(-1)).float(), torch.tensor(goal).float()


@capability_and_goal.mistake("the two are swapped: capability first, then the goal")
def _(positions, coin, end):
    return capability_and_goal.reference(positions, coin, end)[::-1]


@capability_and_goal.mistake("capable is only who reaches both")
def _(positions, coin, end):
    both = (positions == coin[..., None]).any(-1) & (positions == end).any(-1)
    return both.float().mean(-1), capability_and_goal.reference(positions, coin, end)[1]


@capability_and_goal.mistake("the last step of the path is left out")
def _(positions, coin, end):
    return capability_and_goal.reference(positions[..., :-1], coin, end)
