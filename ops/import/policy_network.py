"""The policy network of millrace's program `prove` as a PyTorch module, with the names that
common/network.h gives its tensors: what this module's state_dict() holds, ops/import/policy takes as
it is. Train it, or one whose tensors can be renamed to these, in any way.

States come as whole numbers [..., atoms, 3]: predicate, first, second; padded with zeros. With C
constants and P predicates, constants are 1 .. C, variables C+1 and up, predicates 1 .. P, and the
ends true, false and give up P+1, P+2, P+3, whose arguments are 0.
"""
import torch
from torch import nn


class Normed(nn.Linear):
    """A linear layer with the layer norm behind it: names x.weight, x.bias, x.norm.*."""

    def __init__(self, size_in, size_out):
        super().__init__(size_in, size_out)
        self.norm = nn.LayerNorm(size_out)

    def forward(self, x):
        return self.norm(torch.relu(super().forward(x)))


class PolicyNetwork(nn.Module):
    """`constants`: C; `variables`: rows for them, at least those of the rules, and one for each that
    a search makes; `predicates`: P. With a temperature codes are normalised."""

    def __init__(self, constants, variables, predicates, width=250, hidden=256, blocks=8,
                 temperature=None):
        super().__init__()
        self.constants = nn.Embedding(constants + variables + 1, width, padding_idx=0)
        self.predicates = nn.Embedding(predicates + 4, width, padding_idx=0)
        self.input = Normed(width, hidden)
        self.block = nn.ModuleList(Normed(hidden, hidden) for _ in range(blocks))
        self.head = nn.ModuleList([nn.Linear(hidden, hidden), nn.Linear(hidden, width)])
        if temperature is None:
            self.temperature = None
        else:  # a tensor of one number; make it a parameter to learn it
            self.register_buffer("temperature", torch.tensor([float(temperature)]))

    def code(self, states):
        """[..., atoms, 3] -> [..., width]"""
        predicate, first, second = states.unbind(-1)
        atoms = self.predicates(predicate) + self.constants(first) - self.constants(second)
        x = self.input(atoms.sum(-2) / states.shape[-2])
        for block in self.block:
            x = x + block(x)
        code = self.head[1](torch.relu(self.head[0](x)))
        return code if self.temperature is None else nn.functional.normalize(code, dim=-1)

    def forward(self, state, successors):
        """[..., atoms, 3], [..., successors, atoms, 3] -> logits [..., successors]"""
        product = (self.code(successors) @ self.code(state).unsqueeze(-1)).squeeze(-1)
        scale = product.new_tensor(self.constants.embedding_dim).sqrt() \
            if self.temperature is None else self.temperature
        return product / scale
