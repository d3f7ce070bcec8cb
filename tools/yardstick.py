"""How fast this machine is today: what `make bench` divides by.

CPU seconds of the same work differ threefold between machines, and twofold on one of them by what
its other cores do. The budgets of the course are seconds of a machine on which this takes `USUAL`.
"""

import time

import torch

USUAL = 0.44


def yardstick() -> float:
    """CPU seconds of 1,000 steps of Adam on ten models of 5 features in 2 dimensions."""
    g = torch.Generator().manual_seed(0)
    weight = torch.randn(10, 5, 2, generator=g).mul_(0.5).requires_grad_()
    bias = torch.zeros(10, 1, 5, requires_grad=True)
    optimizer = torch.optim.Adam([weight, bias], lr=1e-2)
    start = time.process_time()
    for _ in range(1000):
        x = torch.rand(10, 256, 5, generator=g) * (torch.rand(10, 256, 5, generator=g) < 0.1)
        loss = (x - torch.relu(x @ weight @ weight.mT + bias)).square().mean((1, 2)).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return time.process_time() - start
