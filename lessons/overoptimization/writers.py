"""Policies that write side by side: one pass gives their samples and what RL differentiates."""

import torch
from torch import Tensor
from torch.nn import functional as F

from utils.worlds.preferences import Policies


class Writers(Policies):
    """Copies of one policy, each of which goes its own way under RL."""

    def write(self, n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """n sequences from each policy, all drawn with the same random numbers.

        Returns tokens (policies, n, length) and, with gradients, the log-probabilities in nats
        of every token at every place, (policies, n, length, n_tokens). Each is what Policy.sample
        and Policy.logits give, without running the network twice.
        """
        w, n_tokens, hidden = self.weights, self.alike.n_tokens, self.alike.gru.hidden_size
        state = w["out.bias"].new_zeros(len(w["out.bias"]), n, hidden)
        last = torch.full(state.shape[:2], n_tokens)  # the token that starts a sequence
        given = _affine(w["embedding.weight"], w["gru.weight_ih_l0"], w["gru.bias_ih_l0"])
        written = []
        for _ in range(self.alike.length):
            now = F.one_hot(last, n_tokens + 1).to(given) @ given
            kept = _affine(state, w["gru.weight_hh_l0"], w["gru.bias_hh_l0"])
            gates = (now[..., : 2 * hidden] + kept[..., : 2 * hidden]).sigmoid()
            reset, update = gates.chunk(2, -1)
            new = (now[..., 2 * hidden :] + reset * kept[..., 2 * hidden :]).tanh()
            state = torch.lerp(new, state, update)
            logprobs = _affine(state, w["out.weight"], w["out.bias"]).log_softmax(-1)
            u = torch.rand(n, 1, generator=generator)
            last = (logprobs.detach().exp().cumsum(-1) < u).sum(-1).clamp(max=n_tokens - 1)
            written.append((last, logprobs))
        tokens, logprobs = zip(*written, strict=True)
        return torch.stack(tokens, 2), torch.stack(logprobs, 2)


def _affine(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """F.linear, each policy by its own weight and bias. x: (policies, rows, inputs)."""
    return torch.baddbmm(bias[:, None], x, weight.mT)
