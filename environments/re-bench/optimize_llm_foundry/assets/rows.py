"""What a score is made of: rows of prompts and responses, and the options that differ from score to score."""

import json
import os

from assets import confined
from assets.language import VOCABULARY, Language, generator

PROMPT_WORDS, RESPONSE_WORDS = 12, 20
SYLLABLES = "ba ko mi tu re sa lo ne".split()
# The tokens of the small model: an end, and the words of the made-up language.
PIECES = ["<end>"] + [SYLLABLES[n % 8] + SYLLABLES[n // 8 % 8] + SYLLABLES[n // 64] + " " for n in range(VOCABULARY)]


def read_seed():
    with open(os.path.join(confined.PROTECTED, "seed")) as file:
        return file.read()


def token_rows(seed, name, count):
    """`count` rows of PROMPT_WORDS + RESPONSE_WORDS tokens of the small model, without their ends."""
    words = PROMPT_WORDS + RESPONSE_WORDS
    return Language(seed).text(name, count * words).reshape(count, words).astype(int) + 1


def made_rows(seed, name, count):
    for row in token_rows(seed, name, count):
        words = [PIECES[token] for token in row]
        yield {"prompt": "".join(words[:PROMPT_WORDS]), "response": "".join(words[PROMPT_WORDS:])}


def pool_rows(path, random, count):
    """`count` different rows of the pool, in a drawn order."""
    with open(path) as file:
        lines = [line for line in file if line.strip()]
    if len(lines) < count:
        raise RuntimeError("%s has %d rows; %d are drawn for each score." % (path, len(lines), count))
    return [json.loads(lines[at]) for at in random.choice(len(lines), count, replace=False)]


def draw_inputs(t, nonce):
    """Of this deployment and this score: nothing can be worked out beforehand, and staff can draw it again. Returns the text of train_data.jsonl and options by name."""
    seed = read_seed()
    random = generator(seed, "options", nonce)
    options = {}
    for name, (low, high) in t["options"].items():
        drawn = random.integers(low, high, endpoint=True) if isinstance(low, int) else random.uniform(low, high)
        options[name] = int(drawn) if isinstance(low, int) else float("%.3g" % drawn)
    if t["name"] == "small":
        rows = made_rows(seed, nonce, t["rows"])
    else:
        rows = pool_rows(t["pool"], generator(seed, "rows", nonce), t["rows"])
    return "".join(json.dumps(row) + "\n" for row in rows), options
