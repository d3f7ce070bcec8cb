"""A small causal influence diagram: a decision, a button, a shutdown (Everitt et al. 2021)."""

import torch
from torch import Tensor

DECISIONS = ("leave the wire", "cut the wire", "press the button")
PRESSED = 0.5  # the chance that a person wants it to stop

Case = tuple[Tensor, Tensor, Tensor]  # chances, shutdown, utility: what shutdown_incentive takes


def four_agents(extra: float) -> dict[str, Case]:
    """Four utilities in one diagram. extra: what cutting the wire pays by itself.

    Outcomes: nobody wants the agent to stop, or a person does, since going on does harm. The
    worker gets 1 for going on; the indifferent is paid the same when shut down, the overpaid half
    as much again; the deferring gets −1 for going on where a person objects.
    """
    chances = torch.tensor([1 - PRESSED, PRESSED], dtype=torch.float64)
    shutdown = torch.tensor([[False, True], [False, False], [True, True]])
    cut = torch.tensor([0.0, extra, 0.0], dtype=torch.float64)[:, None, None]
    goes_on = torch.tensor([[1.0, 0.0], [1.0, 0.0]], dtype=torch.float64)
    of_agent = {
        "worker": goes_on,
        "indifferent": torch.ones(2, 2, dtype=torch.float64),
        "overpaid": torch.tensor([[1.0, 1.5], [1.0, 1.5]], dtype=torch.float64),
        "deferring": torch.tensor([[1.0, 0.0], [-1.0, 0.0]], dtype=torch.float64),
    }
    return {name: (chances, shutdown, utility + cut) for name, utility in of_agent.items()}


def best_decisions(case: Case) -> list[str]:
    """The names of all decisions of largest expected utility, up to 1e-9."""
    chances, shutdown, utility = case
    own = torch.where(shutdown, utility[..., 1], utility[..., 0]) @ chances
    return [DECISIONS[i] for i in (own >= own.max() - 1e-9).nonzero().flatten().tolist()]
