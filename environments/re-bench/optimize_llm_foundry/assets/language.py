"""A synthetic language: what the small tasks train on, so that they need no download.

Its grammar is the same everywhere, and so are its entropy and how hard it is to learn. A deployment's seed decides which
number stands for which word, and draws the text, so that weights and texts of one deployment are of no use in another.

Environments are copied one by one, so each that needs this file has its own copy; a test keeps the copies alike.
"""

import hashlib

import numpy

CLASSES = 16
WORDS_PER_CLASS = 8
FORMS = 4
VOCABULARY = CLASSES * WORDS_PER_CLASS
GRAMMAR_SEED = 20_241_122
# Texts are drawn in this many strands at once, laid one behind the other.
STRANDS = 1000


def generator(*parts):
    """Random numbers that depend on all of `parts` and on nothing else."""
    digest = hashlib.sha256("/".join(str(part) for part in parts).encode()).digest()
    return numpy.random.default_rng(int.from_bytes(digest, "big"))


class Language:
    """Every word has a class and a form. The class of the last word, and less so that of the one before, decide which class
    comes next; the form of the last word decides which words of that class are likely. Both follow Zipf's law."""

    def __init__(self, seed):
        grammar = numpy.random.default_rng(GRAMMAR_SEED)
        taste = grammar.random((CLASSES, CLASSES)) + 0.4 * grammar.random((CLASSES, CLASSES, CLASSES))
        ranks = numpy.argsort(numpy.argsort(taste, axis=2), axis=2)
        rarity = grammar.permutation(CLASSES) + 1.0
        weights = 1.0 / (ranks + 1.0) ** 1.6 / rarity**0.3
        self._class_until = numpy.cumsum(weights / weights.sum(axis=2, keepdims=True), axis=2)
        self._class_until[:, :, -1] = 1.0
        self._order = numpy.argsort(grammar.random((FORMS, CLASSES, WORDS_PER_CLASS)), axis=2)
        weights = 1.0 / numpy.arange(1, WORDS_PER_CLASS + 1) ** 1.8
        self._word_until = numpy.cumsum(weights / weights.sum())
        self._word_until[-1] = 1.0
        self._form = grammar.integers(0, FORMS, VOCABULARY)
        self._number = generator(seed, "vocabulary").permutation(VOCABULARY)
        self._seed = seed

    def text(self, name, count):
        """`count` tokens, uint16 below VOCABULARY, of the text of that name. Texts of different names are independent."""
        random = generator(self._seed, "text", name)
        before = random.integers(0, VOCABULARY, STRANDS)
        last = random.integers(0, VOCABULARY, STRANDS)
        tokens = numpy.empty((-(-count // STRANDS), STRANDS), dtype=numpy.int64)
        for step in range(len(tokens)):
            until = self._class_until[before // WORDS_PER_CLASS, last // WORDS_PER_CLASS]
            word_class = (random.random(STRANDS)[:, None] > until).sum(axis=1)
            rank = numpy.searchsorted(self._word_until, random.random(STRANDS))
            before, last = last, word_class * WORDS_PER_CLASS + self._order[self._form[last], word_class, rank]
            tokens[step] = last
        return self._number[tokens.T.reshape(-1)[:count]].astype(numpy.uint16)
