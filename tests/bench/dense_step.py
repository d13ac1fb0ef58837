"""The dense batch step of a proof search in PyTorch, as the first public version did it: every lane's
state and all of its successor rows go through the network at each step, whether or not a row is a
successor and a lane is live. Run by prove_bench.py with a Python that has torch:

    dense_step.py MODEL CONSTANTS PREDICATES LANES SUCCESSORS STEPS THREADS

Derivation is given for free: the states are there, numbers as on the index spaces of the model. Prints
the seconds of a step (the best) and torch's version."""
import sys
import time
from pathlib import Path

import torch

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "ops" / "import"))
import tensor_file  # noqa: E402
from policy_network import PolicyNetwork  # noqa: E402

ATOMS = 6


def load(path, constants, predicates):
    tensors = {name: torch.from_numpy(array.copy())
               for name, array in tensor_file.read(path).items()}
    rows, width = tensors["constants.weight"].shape
    blocks = sum(name.startswith("block.") and name.endswith(".norm.weight") for name in tensors)
    module = PolicyNetwork(constants, rows - 1 - constants, predicates, width,
                           len(tensors["input.bias"]), blocks)
    module.load_state_dict(tensors)
    return module.eval()


def make_states(shape, constants, predicates):
    """States of one to three atoms, padded with zeros."""
    atoms = torch.stack([torch.randint(1, predicates + 1, shape),
                         torch.randint(1, constants + 9, shape),
                         torch.randint(1, constants + 9, shape)], -1)
    count = torch.randint(1, 4, (*shape[:-1], 1))
    return atoms * (torch.arange(shape[-1]) < count).unsqueeze(-1)


def step(module, state, successors, valid):
    logits = module(state, successors).masked_fill(~valid, float("-inf"))
    share, action = torch.log_softmax(logits, -1).max(-1)
    return action, share


def main():
    constants, predicates, lanes, width, steps, threads = map(int, sys.argv[2:])
    torch.manual_seed(1)
    torch.set_num_threads(threads)
    module = load(sys.argv[1], constants, predicates)
    state = make_states((lanes, ATOMS), constants, predicates)
    successors = make_states((lanes, width, ATOMS), constants, predicates)
    valid = torch.arange(width) < torch.randint(1, width + 1, (lanes, 1))
    spans = []
    with torch.inference_mode():
        for _ in range(steps + 1):  # the first is not counted
            start = time.monotonic()
            step(module, state, successors, valid)
            spans.append(time.monotonic() - start)
    print(f"{min(spans[1:]):.6f} {torch.__version__}")


if __name__ == "__main__":
    main()
