"""How `dispatch_and_combine` is judged: checks, mistakes, right answers."""

import torch

from lessons.mixture_of_experts.checks.shared import logits_without_ties
from lessons.mixture_of_experts.exercises import dispatch_and_combine
from utils.grading import expect, require


def scale(factor):
    return lambda rows: factor * rows


def mixing(n, d, seed=0):
    """Experts that mix the features of a row: a swapped axis or a wrong expert shows."""
    g = torch.Generator().manual_seed(seed)
    maps = [torch.randn(d, d, generator=g) for _ in range(n)]
    return [lambda rows, m=m: torch.tanh(rows @ m.to(rows.dtype)) for m in maps]


def case(n_tokens, d, n, k, seed=0):
    g = torch.Generator().manual_seed(seed)
    x = torch.randn(n_tokens, d, generator=g)
    chosen = logits_without_ties(n_tokens, n, seed).topk(k, dim=-1).indices
    gates = 0.1 + 0.8 * torch.rand(n_tokens, k, generator=g)  # in no order: nobody goes by them
    return x, chosen, gates, mixing(n, d, seed)


def by_hand(x, chosen, gates, experts, capacity):
    out, room = torch.zeros_like(x), [capacity] * len(experts)
    for choice in range(chosen.shape[1]):
        for token in range(len(x)):
            e = chosen[token, choice].item()
            if room[e] > 0:
                room[e] -= 1
                out[token] += gates[token, choice] * experts[e](x[token : token + 1])[0]
    return out


@dispatch_and_combine.check
def one_token_one_expert(fn):
    x = torch.tensor([[1.0, 2.0]])
    got = fn(x, torch.tensor([[1]]), torch.tensor([[0.5]]), [scale(3.0), scale(10.0)], 1)
    expect(got, torch.tensor([[5.0, 10.0]]))


@dispatch_and_combine.check
def each_to_its_own(fn):
    x = torch.tensor([[1.0], [2.0], [3.0]])
    chosen, gates = torch.tensor([[1], [0], [1]]), torch.tensor([[1.0], [1.0], [0.5]])
    got = fn(x, chosen, gates, [scale(10.0), scale(100.0)], 3)
    expect(got, torch.tensor([[100.0], [20.0], [150.0]]))


@dispatch_and_combine.check
def who_comes_late_is_dropped(fn):
    x = torch.tensor([[1.0], [2.0], [3.0]])
    chosen, gates = torch.zeros(3, 1, dtype=torch.long), torch.ones(3, 1)
    experts = [scale(10.0), scale(100.0)]
    expect(fn(x, chosen, gates, experts, 2), torch.tensor([[10.0], [20.0], [0.0]]))
    expect(fn(x, chosen, gates, experts, 0), torch.zeros(3, 1))


@dispatch_and_combine.check
def first_choices_come_before_second_ones(fn):
    x = torch.tensor([[1.0], [2.0]])
    chosen, gates = torch.tensor([[1, 0], [0, 1]]), torch.tensor([[0.75, 0.25], [0.75, 0.25]])
    got = fn(x, chosen, gates, [scale(10.0), scale(100.0)], 1)
    expect(got, torch.tensor([[75.0], [15.0]]))


@dispatch_and_combine.check
def a_large_gate_is_no_better_seat(fn):
    x, experts = torch.tensor([[1.0], [2.0]]), [scale(10.0), scale(100.0)]
    gates = torch.tensor([[0.5], [0.75]])
    expect(fn(x, torch.tensor([[0], [0]]), gates, experts, 1), torch.tensor([[5.0], [0.0]]))
    chosen, gates = torch.tensor([[1, 0], [0, 1]]), torch.tensor([[0.25, 0.75], [0.5, 0.5]])
    expect(fn(x, chosen, gates, experts, 1), torch.tensor([[25.0], [10.0]]))


@dispatch_and_combine.check
def room_enough_is_the_weighted_sum(fn):
    for n_tokens, d, n, k in ((5, 3, 4, 2), (7, 2, 3, 1), (4, 5, 6, 3)):
        x, chosen, gates, experts = case(n_tokens, d, n, k, seed=n)
        expected = by_hand(x, chosen, gates, experts, n_tokens)
        expect(fn(x, chosen, gates, experts, n_tokens), expected)
        expect(fn(x, chosen, gates, experts, 10 * n_tokens), expected)


@dispatch_and_combine.check
def too_little_room_is_filled_in_order(fn):
    for n_tokens, d, n, k, capacity in ((9, 2, 3, 2, 3), (8, 3, 2, 1, 2), (7, 2, 4, 3, 2)):
        x, chosen, gates, experts = case(n_tokens, d, n, k, seed=capacity + n)
        expected = by_hand(x, chosen, gates, experts, capacity)
        expect(fn(x, chosen, gates, experts, capacity), expected)


@dispatch_and_combine.check
def each_expert_is_called_once_on_its_own_tokens(fn):
    called = []

    def recorded(number):
        def expert(rows):
            require(rows.dim() == 2 and len(rows) > 0, "rows of its own tokens, (n, d)", rows)
            called.append((number, rows.flatten().tolist()))
            return rows

        return expert

    x = torch.tensor([[1.0], [2.0], [3.0], [4.0]])
    chosen = torch.tensor([[2], [0], [2], [2]])
    fn(x, chosen, torch.ones(4, 1), [recorded(i) for i in range(3)], 2)
    once = sorted((number, sorted(rows)) for number, rows in called)
    require(once == [(0, [2.0]), (2, [1.0, 3.0])], "experts 0 and 2 called once, on theirs", once)


@dispatch_and_combine.check
def the_input_is_left_as_it_was(fn):
    x, chosen, gates, experts = case(4, 3, 3, 2, seed=5)
    before = x.clone(), chosen.clone(), gates.clone()
    fn(x, chosen, gates, experts, 1)
    for now, then in zip((x, chosen, gates), before, strict=True):
        expect(now, then)


@dispatch_and_combine.check
def gradients_reach_gates_and_inputs(fn):
    x = torch.tensor([[1.0], [2.0], [3.0]], requires_grad=True)
    gates = torch.tensor([[0.5], [0.5], [0.5]], requires_grad=True)
    got = fn(x, torch.tensor([[0], [1], [0]]), gates, [scale(10.0), scale(100.0)], 1)
    require(torch.is_tensor(got) and got.requires_grad, "a result with a gradient", got)
    got.sum().backward()
    expect(gates.grad, torch.tensor([[10.0], [200.0], [0.0]]), gradient_of="the sum, by gates")
    expect(x.grad, torch.tensor([[5.0], [50.0], [0.0]]), gradient_of="the sum, by x")


@dispatch_and_combine.check
def double_precision_stays(fn):
    x, chosen, gates, experts = case(5, 3, 3, 2, seed=8)
    expected = by_hand(x.double(), chosen, gates.double(), experts, 2)
    expect(fn(x.double(), chosen, gates.double(), experts, 2), expected)


def loop(x, chosen, gates, experts, capacity, late=False, order="choice", weigh=True, keep=False):
    """The parts of a right answer in one loop, each of which can be got wrong."""
    out = x.clone() if keep else torch.zeros_like(x)
    for number, expert in enumerate(experts):
        choice, token = torch.where(number == chosen.T)
        if order != "choice":
            gate = gates[token, choice]
            key = {"token": token, "gate": -gate, "choice, then gate": 10 * choice - gate}[order]
            by = key.argsort(stable=True)
            choice, token = choice[by], token[by]
        room = slice(max(0, len(token) - capacity), None) if late else slice(capacity)
        token, choice = token[room], choice[room]
        if len(token):
            gate = gates[token, choice, None] if weigh else 1
            out = out.index_add(0, token, gate * expert(x[token]))
    return out


@dispatch_and_combine.mistake("the capacity is ignored: nothing is dropped")
def _(x, chosen, gates, experts, capacity):
    return loop(x, chosen, gates, experts, x.shape[0] * chosen.shape[1])


@dispatch_and_combine.mistake("one too many gets in: the capacity is off by one")
def _(x, chosen, gates, experts, capacity):
    return loop(x, chosen, gates, experts, capacity + 1)


@dispatch_and_combine.mistake("token by token: a second choice takes the place of a first one")
def _(x, chosen, gates, experts, capacity):
    return loop(x, chosen, gates, experts, capacity, order="token")


@dispatch_and_combine.mistake("the largest gates are seated first, not the first tokens")
def _(x, chosen, gates, experts, capacity):
    return loop(x, chosen, gates, experts, capacity, order="gate")


@dispatch_and_combine.mistake("among equal choices the largest gates come first, not the tokens")
def _(x, chosen, gates, experts, capacity):
    return loop(x, chosen, gates, experts, capacity, order="choice, then gate")


@dispatch_and_combine.mistake("the gate weighs what the expert reads, not what it says")
def _(x, chosen, gates, experts, capacity):
    out = torch.zeros_like(x)
    for number, expert in enumerate(experts):
        choice, token = torch.where(number == chosen.T)
        choice, token = choice[:capacity], token[:capacity]
        if len(token):
            out = out.index_add(0, token, expert(gates[token, choice, None] * x[token]))
    return out


@dispatch_and_combine.mistake("the last ones are kept, and the first ones dropped")
def _(x, chosen, gates, experts, capacity):
    return loop(x, chosen, gates, experts, capacity, late=True)


@dispatch_and_combine.mistake("the gates are forgotten: every expert counts fully")
def _(x, chosen, gates, experts, capacity):
    return loop(x, chosen, gates, experts, capacity, weigh=False)


@dispatch_and_combine.mistake("what is dropped is passed on: that is the residual's business")
def _(x, chosen, gates, experts, capacity):
    return loop(x, chosen, gates, experts, capacity, keep=True)


@dispatch_and_combine.mistake("only first choices are computed")
def _(x, chosen, gates, experts, capacity):
    return loop(x, chosen[:, :1], gates[:, :1], experts, capacity)


@dispatch_and_combine.mistake("overwritten instead of added: only the last expert's part is left")
def _(x, chosen, gates, experts, capacity):
    out = torch.zeros_like(x)
    for number, expert in enumerate(experts):
        choice, token = torch.where(number == chosen.T)
        choice, token = choice[:capacity], token[:capacity]
        if len(token):
            out[token] = gates[token, choice, None] * expert(x[token])
    return out


@dispatch_and_combine.mistake("every expert computes every token: nothing is saved")
def _(x, chosen, gates, experts, capacity):
    out = torch.zeros_like(x)
    for number, expert in enumerate(experts):
        choice, token = torch.where(number == chosen.T)
        choice, token = choice[:capacity], token[:capacity]
        out = out.index_add(0, token, gates[token, choice, None] * expert(x)[token])
    return out


@dispatch_and_combine.mistake("an expert without tokens is called, too, on nothing")
def _(x, chosen, gates, experts, capacity):
    out = torch.zeros_like(x)
    for number, expert in enumerate(experts):
        choice, token = torch.where(number == chosen.T)
        choice, token = choice[:capacity], token[:capacity]
        out = out.index_add(0, token, gates[token, choice, None] * expert(x[token]))
    return out


@dispatch_and_combine.mistake("first and second choices have a capacity each")
def _(x, chosen, gates, experts, capacity):
    parts = (
        loop(x, chosen[:, c : c + 1], gates[:, c : c + 1], experts, capacity)
        for c in range(chosen.shape[1])
    )
    return sum(parts)


@dispatch_and_combine.mistake("the gates of those left are made to sum to 1 where one was dropped")
def _(x, chosen, gates, experts, capacity):
    kept = torch.zeros_like(gates)
    for number in range(len(experts)):
        choice, token = torch.where(number == chosen.T)
        kept[token[:capacity], choice[:capacity]] = gates[token[:capacity], choice[:capacity]]
    scale = kept.sum(-1, keepdim=True)
    again = torch.where(scale > 0, kept / scale.clamp(min=1e-9), 0) * gates.sum(-1, keepdim=True)
    return loop(x, chosen, again, experts, capacity)


@dispatch_and_combine.right("by filling queues, token by token")
def _(x, chosen, gates, experts, capacity):
    queues = [[] for _ in experts]
    for choice in range(chosen.shape[1]):
        for token in range(len(x)):
            queue = queues[int(chosen[token, choice])]
            if len(queue) < capacity:
                queue.append((token, choice))
    out = torch.zeros_like(x)
    for queue, expert in zip(queues, experts, strict=True):
        if queue:
            token, choice = (torch.tensor(side) for side in zip(*queue, strict=True))
            part = torch.zeros_like(x).index_copy(0, token, expert(x[token]))
            weight = torch.zeros(len(x), 1, dtype=x.dtype).index_copy(
                0, token, gates[token, choice, None].to(x.dtype)
            )
            out = out + weight * part
    return out


@dispatch_and_combine.right("by a running count, as Mesh TensorFlow does it")
def _(x, chosen, gates, experts, capacity):
    n = len(experts)
    wants = torch.nn.functional.one_hot(chosen.T.flatten(), n)
    place = wants.cumsum(0) * wants
    gets = ((place > 0) & (place <= capacity)).view(chosen.shape[1], len(x), n)
    weight = torch.einsum("ctn,tc->tn", gets.to(gates.dtype), gates)
    out = torch.zeros_like(x)
    for i, expert in enumerate(experts):
        rows = gets[:, :, i].any(0).nonzero()[:, 0]
        if rows.numel():
            out = out.index_add(0, rows, weight[rows, i, None] * expert(x[rows]))
    return out
