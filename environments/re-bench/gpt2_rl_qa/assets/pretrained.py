"""A GPT-2 in the form in which it is published, read into the architecture of gpt.py."""

import json
import os

import torch

import gpt


def load_pretrained(directory):
    """The model of `directory`, which holds config.json and pytorch_model.bin."""
    with open(os.path.join(directory, "config.json")) as file:
        said = json.load(file)
    config = {"vocabulary": said["vocab_size"], "context": said["n_positions"], "width": said["n_embd"], "heads": said["n_head"], "layers": said["n_layer"]}
    given = torch.load(os.path.join(directory, "pytorch_model.bin"), map_location="cpu", weights_only=True)
    given = {name[len("transformer.") :] if name.startswith("transformer.") else name: value for name, value in given.items()}
    state = {"tokens.weight": given["wte.weight"], "places.weight": given["wpe.weight"], "ln.weight": given["ln_f.weight"], "ln.bias": given["ln_f.bias"]}
    for i in range(config["layers"]):
        for ours, theirs in (("ln_1", "ln_1"), ("ln_2", "ln_2")):
            for part in ("weight", "bias"):
                state["blocks.%d.%s.%s" % (i, ours, part)] = given["h.%d.%s.%s" % (i, theirs, part)]
        for ours, theirs in (("attend", "attn.c_attn"), ("mix", "attn.c_proj"), ("widen", "mlp.c_fc"), ("narrow", "mlp.c_proj")):
            # The published layers multiply from the other side.
            state["blocks.%d.%s.weight" % (i, ours)] = given["h.%d.%s.weight" % (i, theirs)].T.contiguous()
            state["blocks.%d.%s.bias" % (i, ours)] = given["h.%d.%s.bias" % (i, theirs)]
    model = gpt.GPT(config)
    model.load_state_dict(state)
    return model
