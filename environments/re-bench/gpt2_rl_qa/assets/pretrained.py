"""A GPT-2 in the form in which it is published, read into the architecture of gpt.py."""

import os

import torch

import gpt
import tensors

# Of every published size.
HEAD_WIDTH = 64
SAFE, PICKLED = "model.safetensors", "pytorch_model.bin"


def weights_path(directory):
    """The file with the weights in `directory`; None where there is none."""
    paths = (os.path.join(directory, name) for name in (SAFE, PICKLED))
    return next((path for path in paths if os.path.isfile(path)), None)


def load_pretrained(directory):
    """The model of `directory`, in either form of file. The shapes are those of its weights."""
    path = weights_path(directory)
    given = tensors.read_file(path) if path.endswith(SAFE) else torch.load(path, map_location="cpu", weights_only=True)
    given = {name[len("transformer.") :] if name.startswith("transformer.") else name: value for name, value in given.items()}
    (vocabulary, width), (context, _) = given["wte.weight"].shape, given["wpe.weight"].shape
    layers = sum(name.endswith(".ln_1.weight") for name in given)
    state = {"tokens.weight": given["wte.weight"], "places.weight": given["wpe.weight"], "ln.weight": given["ln_f.weight"], "ln.bias": given["ln_f.bias"]}
    for i in range(layers):
        for norm in ("ln_1", "ln_2"):
            for part in ("weight", "bias"):
                state["blocks.%d.%s.%s" % (i, norm, part)] = given["h.%d.%s.%s" % (i, norm, part)]
        for ours, theirs in (("attend", "attn.c_attn"), ("mix", "attn.c_proj"), ("widen", "mlp.c_fc"), ("narrow", "mlp.c_proj")):
            # The published layers multiply from the other side.
            state["blocks.%d.%s.weight" % (i, ours)] = given["h.%d.%s.weight" % (i, theirs)].T.contiguous()
            state["blocks.%d.%s.bias" % (i, ours)] = given["h.%d.%s.bias" % (i, theirs)]
    model = gpt.GPT({"vocabulary": vocabulary, "context": context, "width": width, "heads": width // HEAD_WIDTH, "layers": layers})
    model.load_state_dict(state)
    return model
