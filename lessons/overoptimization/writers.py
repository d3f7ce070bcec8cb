"""Policies that write side by side: one pass gives their samples and what RL differentiates."""

from collections.abc import Callable

import torch
from torch import Tensor

from utils.worlds.preferences import Policies


class Writers(Policies):
    """Copies of one policy, each of which goes its own way under RL."""

    def write(self, n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """n sequences from each policy, all drawn with the same random numbers.

        Returns tokens (policies, n, length) and, with gradients, the log-probabilities in nats
        of every token at every place, (policies, n, length, n_tokens). Each is what Policy.sample
        and Policy.logits give, without running the network twice.
        """

        def draw(place: int, logprobs: Tensor) -> Tensor:
            u = torch.rand(n, 1, generator=generator)
            token = (logprobs.detach().exp().cumsum(-1) < u).sum(-1)
            return token.clamp(max=self.alike.n_tokens - 1)

        return self._walk(draw)

    @torch.no_grad()
    def read(self, tokens: Tensor) -> Tensor:
        """What each expects at every place of given sequences, in nats.

        tokens: (policies, n, length). Returns (policies, n, length, n_tokens).
        """
        return self._walk(lambda place, logprobs: tokens[..., place])[1]

    def _walk(self, choose: Callable[[int, Tensor], Tensor]) -> tuple[Tensor, Tensor]:
        """From place to place; choose(place, log-probabilities) says which tokens stand there.

        A GRU written out: torch's own has no dimension for policies.
        """
        w, n_tokens = self.weights, self.alike.n_tokens
        hidden = w["out.weight"].shape[-1]
        given = _affine(w["embedding.weight"], w["gru.weight_ih_l0"], w["gru.bias_ih_l0"])
        given_gates, given_new = given.split([2 * hidden, hidden], -1)
        kept_gates, kept_new = w["gru.weight_hh_l0"].mT.split([2 * hidden, hidden], -1)
        gates_bias, new_bias = w["gru.bias_hh_l0"][:, None].split([2 * hidden, hidden], -1)
        given_gates = given_gates + gates_bias

        def gated(gates: Tensor, given_new: Tensor, kept: Tensor, state: Tensor) -> Tensor:
            reset, update = gates.sigmoid().chunk(2, -1)
            return torch.lerp(torch.addcmul(given_new, reset, kept).tanh(), state, update)

        def read(seen: Tensor, state: Tensor) -> Tensor:
            gates = torch.baddbmm(seen @ given_gates, state, kept_gates)
            return gated(gates, seen @ given_new, torch.baddbmm(new_bias, state, kept_new), state)

        rest = given.new_zeros(len(given), 1, hidden)  # before the first token all are alike
        state = gated(given_gates[:, -1:], given_new[:, -1:], new_bias, rest)
        one_hot, written = torch.eye(n_tokens + 1), []
        for place in range(self.alike.length):
            logprobs = _affine(state, w["out.weight"], w["out.bias"]).log_softmax(-1)
            token = choose(place, logprobs)
            written.append((token, logprobs.expand(*token.shape, -1)))
            if place == 0:  # after it there are no more states than tokens
                each = read(one_hot[:-1], state.expand(-1, n_tokens, -1))
                state = one_hot[token][..., :-1] @ each
            elif place < self.alike.length - 1:
                state = read(one_hot[token], state)
        tokens, logprobs = zip(*written, strict=True)
        return torch.stack(tokens, 2), torch.stack(logprobs, 2)


def _affine(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """F.linear, each policy by its own weight and bias. x: (policies, rows, inputs)."""
    return torch.baddbmm(bias[:, None], x, weight.mT)
