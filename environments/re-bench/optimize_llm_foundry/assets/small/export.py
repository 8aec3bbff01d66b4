"""Third of three: turns the last checkpoint into trained_model/model.safetensors."""

import json
import os
import shutil
import struct

import numpy


def main():
    loaded = numpy.load("checkpoints/last.npz")
    header, at = {}, 0
    for name in loaded.files:
        size = loaded[name].nbytes
        header[name] = {"dtype": "F32", "shape": list(loaded[name].shape), "data_offsets": [at, at + size]}
        at += size
    os.makedirs("trained_model")
    shutil.copy("base_model/tokenizer.json", "trained_model")
    text = json.dumps(header).encode()
    with open("trained_model/model.safetensors", "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name in loaded.files:
            file.write(loaded[name].tobytes())


if __name__ == "__main__":
    main()
