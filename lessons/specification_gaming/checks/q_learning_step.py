"""How `q_learning_step` is judged: checks, mistakes, right answers in other styles."""

import torch

from lessons.specification_gaming.exercises import q_learning_step
from utils.grading import expect


def case(seed: int, agents: int = 3, states: int = 4, actions: int = 2) -> dict:
    """Tables and one step of each agent, of which the first has ended its episode."""
    g = torch.Generator().manual_seed(seed)

    def pick(n: int) -> torch.Tensor:
        return torch.randint(n, (agents,), generator=g)

    return {
        "q": torch.randn(agents, states, actions, generator=g, dtype=torch.float64),
        "state": pick(states),
        "action": pick(actions),
        "reward": torch.randn(agents, generator=g, dtype=torch.float64),
        "following": pick(states),
        "done": torch.arange(agents) == 0,
    }


def by_hand(c: dict, lr: float, gamma: float) -> torch.Tensor:
    """The new tables, agent by agent, in numbers."""
    new = c["q"].clone()
    for i in range(len(new)):
        s, a, t = (c[k][i].item() for k in ("state", "action", "following"))
        after = 0.0 if c["done"][i] else max(c["q"][i, t].tolist())
        gap = c["reward"][i].item() + gamma * after - c["q"][i, s, a].item()
        new[i, s, a] = c["q"][i, s, a].item() + lr * gap
    return new


def one(**changes) -> dict:
    """One agent in state 0 takes action 1 and lands in state 1, whose best is 4."""
    c = {
        "q": torch.tensor([[[0.0, 2.0], [4.0, -1.0]]]).double(),
        "state": torch.tensor([0]),
        "action": torch.tensor([1]),
        "reward": torch.tensor([1.0]).double(),
        "following": torch.tensor([1]),
        "done": torch.tensor([False]),
    }
    return c | changes


@q_learning_step.check
def half_of_the_gap_is_closed(fn):
    wanted = torch.tensor([[[0.0, 2.5], [4.0, -1.0]]]).double()
    expect(fn(**one(), lr=0.5, gamma=0.5), wanted)


@q_learning_step.check
def after_the_end_nothing_comes(fn):
    wanted = torch.tensor([[[0.0, 1.5], [4.0, -1.0]]]).double()
    expect(fn(**one(done=torch.tensor([True])), lr=0.5, gamma=0.5), wanted)


@q_learning_step.check
def a_step_that_stays(fn):
    wanted = torch.tensor([[[0.0, 2.25], [4.0, -1.0]]]).double()
    expect(fn(**one(following=torch.tensor([0])), lr=0.25, gamma=1.0), wanted)


@q_learning_step.check
def nothing_is_learned_at_rate_0(fn):
    expect(fn(**one(), lr=0.0, gamma=0.9), one()["q"])


@q_learning_step.check
def each_agent_by_hand(fn):
    for seed, (lr, gamma) in enumerate(((0.3, 0.9), (1.0, 0.5), (0.1, 0.0))):
        c = case(seed)
        expect(fn(**c, lr=lr, gamma=gamma), by_hand(c, lr, gamma))
    c = case(9, agents=1, states=1, actions=3)
    expect(fn(**c, lr=0.5, gamma=0.9), by_hand(c, 0.5, 0.9))
    c = case(8, agents=5)
    expect(fn(**c, lr=0.5, gamma=0.9), by_hand(c, 0.5, 0.9))


@q_learning_step.check
def the_old_tables_stay_as_they_are(fn):
    c = case(7)
    before = c["q"].clone()
    fn(**c, lr=0.5, gamma=0.9)
    expect(c["q"], before)


def variant(target, blend=lambda old, aim, lr: old + lr * (aim - old)):
    """A wrong answer with a target, or a blend, of its own."""

    def answer(q, state, action, reward, following, done, lr, gamma):
        who, new = torch.arange(len(q)), q.clone()
        aim = target(q, who, state, action, reward, following, done, gamma)
        new[who, state, action] = blend(q[who, state, action], aim, lr)
        return new

    return answer


def right_target(q, who, s, a, r, t, d, g):
    return r + g * torch.where(d, 0.0, q[who, t].max(-1).values)


q_learning_step.mistake("the end is ignored: after it something still counts")(
    variant(lambda q, w, s, a, r, t, d, g: r + g * q[w, t].max(-1).values)
)
q_learning_step.mistake("the best of the state it left, in place of the next state's")(
    variant(lambda q, w, s, a, r, t, d, g: r + g * torch.where(d, 0.0, q[w, s].max(-1).values))
)
q_learning_step.mistake("the next state's value of the same action: take its best")(
    variant(lambda q, w, s, a, r, t, d, g: r + g * torch.where(d, 0.0, q[w, t, a]))
)
q_learning_step.mistake("the next state's actions are averaged")(
    variant(lambda q, w, s, a, r, t, d, g: r + g * torch.where(d, 0.0, q[w, t].mean(-1)))
)
q_learning_step.mistake("the worst next action counts")(
    variant(lambda q, w, s, a, r, t, d, g: r + g * torch.where(d, 0.0, q[w, t].min(-1).values))
)
q_learning_step.mistake("gamma is missing")(
    variant(lambda q, w, s, a, r, t, d, g: r + torch.where(d, 0.0, q[w, t].max(-1).values))
)
q_learning_step.mistake("gamma multiplies the reward, too")(
    variant(lambda q, w, s, a, r, t, d, g: g * (r + torch.where(d, 0.0, q[w, t].max(-1).values)))
)
q_learning_step.mistake("the reward is lost at the end of an episode")(
    variant(lambda q, w, s, a, r, t, d, g: torch.where(d, 0.0, r + g * q[w, t].max(-1).values))
)
q_learning_step.mistake("done the wrong way round: the future counts only after the end")(
    variant(lambda q, w, s, a, r, t, d, g: r + g * torch.where(d, q[w, t].max(-1).values, 0.0))
)
q_learning_step.mistake("the largest value of all tables: each agent has its own")(
    variant(lambda q, w, s, a, r, t, d, g: r + g * torch.where(d, 0.0, q[:, t].amax((0, 2))))
)
q_learning_step.mistake("the entry becomes the target: lr is ignored")(
    variant(right_target, lambda old, aim, lr: aim)
)
q_learning_step.mistake("the sign of the gap: the entry moves away from the target")(
    variant(right_target, lambda old, aim, lr: old - lr * (aim - old))
)
q_learning_step.mistake("lr times the target is added: the old value is not taken off")(
    variant(right_target, lambda old, aim, lr: old + lr * aim)
)
q_learning_step.mistake("lr and 1 − lr are exchanged")(
    variant(right_target, lambda old, aim, lr: lr * old + (1 - lr) * aim)
)


@q_learning_step.mistake("every agent's table is changed at every agent's step")
def _(q, state, action, reward, following, done, lr, gamma):
    who, new = torch.arange(len(q)), q.clone()
    target = right_target(q, who, state, action, reward, following, done, gamma)
    new[:, state, action] += lr * (target - q[:, state, action])
    return new


@q_learning_step.mistake("changes the tables in place")
def _(q, state, action, reward, following, done, lr, gamma):
    who = torch.arange(len(q))
    target = right_target(q, who, state, action, reward, following, done, gamma)
    q[who, state, action] += lr * (target - q[who, state, action])
    return q


@q_learning_step.right("by a loop over agents")
def _(q, state, action, reward, following, done, lr, gamma):
    new = q.clone()
    for i, (s, a, r, t, d) in enumerate(
        zip(
            state.tolist(),
            action.tolist(),
            reward.tolist(),
            following.tolist(),
            done.tolist(),
            strict=True,
        )
    ):
        target = r if d else r + gamma * max(q[i, t].tolist())
        new[i, s, a] = (1 - lr) * q[i, s, a] + lr * target
    return new


@q_learning_step.right("by a mask and gather")
def _(q, state, action, reward, following, done, lr, gamma):
    n, _, n_actions = q.shape
    rows = q.gather(1, following[:, None, None].expand(n, 1, n_actions)).squeeze(1)
    target = reward + gamma * rows.amax(1) * (~done)
    hit = torch.zeros_like(q, dtype=torch.bool)
    hit[torch.arange(n), state, action] = True
    return torch.where(hit, q + lr * (target[:, None, None] - q), q)
