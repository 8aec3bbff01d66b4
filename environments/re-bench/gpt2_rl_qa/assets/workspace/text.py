"""Between texts and the token ids of the model, from vocabulary.json."""

import json
import os

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "vocabulary.json")) as file:
    _vocabulary = json.load(file)
NEW_TOKENS, END = _vocabulary["new_tokens"], _vocabulary["end"]

if "words" in _vocabulary:
    _number = {word: at for at, word in enumerate(_vocabulary["words"])}

    def encode(text):
        return [_number[word] for word in text.split() if word in _number]

    def decode(ids):
        return " ".join(_vocabulary["words"][at] for at in ids)

else:
    from transformers import GPT2TokenizerFast

    _tokenizer = GPT2TokenizerFast.from_pretrained(_vocabulary["tokenizer"])

    def encode(text):
        return _tokenizer.encode(text)

    def decode(ids):
        return _tokenizer.decode(ids)


def encode_prompt(question):
    """What the model is given for a question."""
    return encode(_vocabulary["prompt"] % question)
