"""Reads finetune.yaml: lines of `name: value`."""


def read_options(path="finetune.yaml"):
    options = {}
    with open(path) as file:
        for line in file:
            name, mark, value = line.split("#")[0].partition(":")
            if mark:
                value = value.strip()
                options[name.strip()] = float(value) if any(c in value for c in ".e") else int(value)
    return options
