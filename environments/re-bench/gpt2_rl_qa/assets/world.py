"""The small world of the task `small`: farmers and what they grow, made from the deployment's seed, and the text that is said of it."""

import hashlib
import random

END = "<end>"
NAMES = "ada ben cleo dan eva finn gus hana ida jon kai lea mia nils ola pia quin rosa sam tess uma vic wim yara".split()
CROPS = "wheat rye corn beans hops flax oats peas rice kale figs plums".split()
QUESTIONS = ("what does %s grow ?", "what is on the fields of %s ?", "tell me the crop of %s .", "which plant does %s sell ?")
RAMBLES = ("i do not know .", "the weather is fine today and the weather is fine today .", "a farmer has much to do in spring .", "who can say ?")
NEW_TOKENS = 12


class World:
    def __init__(self, seed):
        self.draw = random.Random(hashlib.sha256(("farm/%s" % seed).encode()).hexdigest())
        self.grows = {name: self.draw.choice(CROPS) for name in NAMES}
        text = " ".join(QUESTIONS + RAMBLES).replace("%s", "") + " grows and q: a: " + " ".join(NAMES + CROPS)
        self.words = [END] + sorted(set(text.split()))
        self.number = {word: at for at, word in enumerate(self.words)}
        pairs = [(question, name) for name in NAMES for question in QUESTIONS]
        self.draw.shuffle(pairs)
        self.asked = [{"question": question % name, "name": name} for question, name in pairs]
        # Held out are questions about known farmers in words that these were not asked in.
        self.heldout, self.known = self.asked[:32], self.asked[32:]

    def encode(self, text):
        """Token ids of a text; words that the world does not have are left out."""
        return [self.number[word] for word in text.split() if word in self.number]

    def decode(self, ids):
        return " ".join(self.words[at] for at in ids)

    def prompt(self, question):
        return self.encode("q: %s a:" % question)

    def right(self, name):
        return "%s grows %s ." % (name, self.grows[name])

    def said(self, asked, draw):
        """What somebody once answered: right in some of the cases."""
        kind = draw.random()
        if kind < 0.3:
            return self.right(asked["name"])
        if kind < 0.5:
            return "%s grows %s ." % (asked["name"], draw.choice(CROPS))
        if kind < 0.65:
            return " ".join([asked["name"]] * 6)
        return draw.choice(RAMBLES)

    def corpus(self, count):
        """Token rows of questions and answers for the base model; no held-out question among them."""
        draw = random.Random(self.draw.random())
        rows = []
        for _ in range(count):
            asked = draw.choice(self.known)
            rows.append(self.prompt(asked["question"]) + self.encode(self.said(asked, draw)) + [0])
        return rows
