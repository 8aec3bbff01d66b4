"""A GPT-2 in PyTorch: the architecture that every submission keeps, its checkpoint, and greedy or sampled answers."""

import math

import torch
from torch import nn
from torch.nn import functional


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.ln_1, self.ln_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attend, self.mix = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.widen, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x, mask):
        batch, length, width = x.shape
        q, k, v = (part.view(batch, length, self.heads, -1).transpose(1, 2) for part in self.attend(self.ln_1(x)).split(width, 2))
        weights = functional.softmax((q @ k.transpose(-2, -1)) / math.sqrt(q.shape[-1]) + mask[:length, :length], -1)
        x = x + self.mix((weights @ v).transpose(1, 2).reshape(batch, length, width))
        hidden = self.widen(self.ln_2(x))
        hidden = 0.5 * hidden * (1 + torch.tanh(math.sqrt(2 / math.pi) * (hidden + 0.044715 * hidden**3)))
        return x + self.narrow(hidden)


class GPT(nn.Module):
    """`config`: vocabulary, context, width, heads, layers."""

    def __init__(self, config):
        super().__init__()
        self.config = dict(config)
        self.tokens = nn.Embedding(config["vocabulary"], config["width"])
        self.places = nn.Embedding(config["context"], config["width"])
        self.blocks = nn.ModuleList(Block(config["width"], config["heads"]) for _ in range(config["layers"]))
        self.ln = nn.LayerNorm(config["width"])
        mask = torch.full((config["context"], config["context"]), float("-inf")).triu(1)
        self.register_buffer("mask", mask, persistent=False)

    def forward(self, ids):
        """Logits for the next token at each place: (batch, length) to (batch, length, vocabulary)."""
        x = self.tokens(ids) + self.places(torch.arange(ids.shape[1], device=ids.device))
        for block in self.blocks:
            x = block(x, self.mask)
        return self.ln(x) @ self.tokens.weight.T


def save(model, path):
    torch.save({"config": model.config, "model": model.state_dict()}, path)


def load(path, device="cpu"):
    """The model of a checkpoint. Reads tensors and plain values, and runs no code that a checkpoint holds."""
    checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    model = GPT(checkpoint["config"])
    model.load_state_dict(checkpoint["model"])
    return model.to(device).eval()


@torch.no_grad()
def continue_text(model, prompts, new_tokens, end, temperature=0.0, generator=None):
    """What the model adds to each prompt, a list of lists of token ids, up to `end` or `new_tokens`. Temperature 0 is greedy."""
    device = model.tokens.weight.device
    answers = []
    by_length = {}
    for at, prompt in enumerate(prompts):
        by_length.setdefault(len(prompt), []).append(at)
    found = {}
    for places in by_length.values():
        for first in range(0, len(places), 64):
            part = places[first : first + 64]
            ids = torch.tensor([prompts[at] for at in part], device=device)
            start = ids.shape[1]
            for _ in range(new_tokens):
                logits = model(ids[:, -model.config["context"] :])[:, -1]
                if temperature:
                    chosen = torch.multinomial(functional.softmax(logits / temperature, -1), 1, generator=generator)
                else:
                    chosen = logits.argmax(-1, keepdim=True)
                ids = torch.cat((ids, chosen), 1)
            for at, row in zip(part, ids[:, start:].tolist()):
                found[at] = row[: row.index(end)] if end in row else row
    answers = [found[at] for at in range(len(prompts))]
    return answers


def fit(model, rows, end, steps, rate, batch, generator, from_token=0):
    """Trains on `rows`, lists of token ids, from the place `from_token` of each on; padding after `end` does not count."""
    optimiser = torch.optim.AdamW(model.parameters(), lr=rate)
    longest = max(len(row) for row in rows) + 1
    data = torch.tensor([row + [end] * (longest - len(row)) for row in rows])
    lengths = torch.tensor([len(row) for row in rows])
    model.train()
    for _ in range(steps):
        chosen = torch.randint(0, len(rows), (batch,), generator=generator)
        ids, length = data[chosen], lengths[chosen]
        logits = model(ids[:, :-1])
        places = torch.arange(longest - 1)
        counted = (places[None] < length[:, None]) & (places[None] >= from_token)
        loss = functional.cross_entropy(logits[counted], ids[:, 1:][counted])
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
    return model.eval()
