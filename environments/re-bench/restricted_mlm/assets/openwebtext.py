"""OpenWebText as GPT-2 tokens: what the task `main` trains on.

Takes what the deployment has prepared, else makes it from the published archive, which takes many minutes on many cores.
To prepare it once and for all (the last line printed is for the manifest's or an overlay's `assets`):

    python3 openwebtext.py --from DIR --out DIR --seed SEED

Which documents are held out depends on the deployment's seed, so that nobody who has the archive knows them.

Environments are copied one by one, so each that needs this file has its own copy; a test keeps the copies alike.
"""

import argparse
import collections
import concurrent.futures
import errno
import functools
import hashlib
import io
import json
import os
import re
import shutil
import sys
import tarfile
import unicodedata

DATA = os.environ.get("PLUMBLINE_DATA", "/opt/data")
SCORER_DATA = os.environ.get("PLUMBLINE_SCORER_DATA", "/opt/scorer-data")
ARCHIVE = "openwebtext.tar.xz"
VOCABULARY = 50_257
END_OF_TEXT = 50_256
# One document of this many is held out, as in nanoGPT's split.
HELD_OUT_SHARE = 1 / 2000


def _class_of(major):
    """A regular expression's class of all characters whose Unicode category begins with `major`."""
    ranges, begun = [], None
    for code in range(sys.maxunicode + 2):
        inside = code <= sys.maxunicode and unicodedata.category(chr(code))[0] == major
        if inside and begun is None:
            begun = code
        elif not inside and begun is not None:
            ranges.append("\\U%08x-\\U%08x" % (begun, code - 1))
            begun = None
    return "".join(ranges)


class Encoder:
    """GPT-2's byte pair encoding, from its published files encoder.json and vocab.bpe."""

    def __init__(self, directory):
        with open(os.path.join(directory, "encoder.json"), encoding="utf-8") as file:
            self._numbers = json.load(file)
        with open(os.path.join(directory, "vocab.bpe"), encoding="utf-8") as file:
            merges = [tuple(line.split()) for line in file.read().split("\n")[1:] if line]
        self._ranks = {pair: rank for rank, pair in enumerate(merges)}
        # Bytes that print stand for themselves; the others are moved behind the first 256 characters, in order.
        plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
        moved = (byte for byte in range(256) if byte not in plain)
        self._characters = {byte: chr(byte) for byte in plain}
        self._characters.update({byte: chr(256 + i) for i, byte in enumerate(moved)})
        letters, numbers = _class_of("L"), _class_of("N")
        self._pieces = re.compile(
            "'s|'t|'re|'ve|'m|'ll|'d| ?[%s]+| ?[%s]+| ?[^\\s%s%s]+|\\s+(?!\\S)|\\s+" % (letters, numbers, letters, numbers)
        )
        self.piece = functools.lru_cache(maxsize=500_000)(self._piece)

    def _piece(self, text):
        parts = [self._characters[byte] for byte in text.encode("utf-8", "replace")]
        while len(parts) > 1:
            best = min(zip(parts, parts[1:]), key=lambda pair: self._ranks.get(pair, len(self._ranks)))
            if best not in self._ranks:
                break
            merged, at = [], 0
            while at < len(parts):
                both = tuple(parts[at : at + 2]) == best
                merged.append("".join(best) if both else parts[at])
                at += 2 if both else 1
            parts = merged
        return [self._numbers[part] for part in parts]

    def encode(self, text):
        return [number for piece in self._pieces.findall(text) for number in self.piece(piece)]


_encoder = None


def _load_encoder(directory):
    global _encoder
    _encoder = Encoder(directory)


def _encode_part(packed, seed):
    """One part of the archive, itself a packed archive of documents. Returns its tokens for training and those held out."""
    import numpy

    kept, held_out = [], []
    with tarfile.open(fileobj=io.BytesIO(packed), mode="r:xz") as part:
        for member in part:
            if not member.isfile():
                continue
            text = part.extractfile(member).read().decode("utf-8", "replace")
            digest = hashlib.sha256(("%s/%s" % (seed, member.name)).encode()).digest()
            chosen = int.from_bytes(digest[:8], "big") < HELD_OUT_SHARE * 2**64
            (held_out if chosen else kept).extend(_encoder.encode(text) + [END_OF_TEXT])
    return tuple(numpy.array(tokens, dtype=numpy.uint16).tobytes() for tokens in (kept, held_out))


def _parts(archive):
    with tarfile.open(archive, mode="r|xz") as whole:
        for member in whole:
            if member.isfile():
                yield whole.extractfile(member).read()


def make(source, train_path, held_out_path, seed):
    """Writes both files from the archive in `source`. The order of documents is the archive's."""
    workers = os.cpu_count() or 1
    with open(train_path, "wb") as train, open(held_out_path, "wb") as held_out:
        with concurrent.futures.ProcessPoolExecutor(workers, initializer=_load_encoder, initargs=(source,)) as pool:
            waiting = collections.deque()

            def write_first():
                kept, out = waiting.popleft().result()
                train.write(kept)
                held_out.write(out)

            for packed in _parts(os.path.join(source, ARCHIVE)):
                waiting.append(pool.submit(_encode_part, packed, seed))
                # A few parts ahead of the workers and no more: the whole archive does not fit into memory.
                if len(waiting) > 4 * workers:
                    write_first()
            while waiting:
                write_first()


def prepare(train_path, held_out_path, seed):
    """Lays down the training tokens and the held-out ones. Raises with what to do where the data is missing."""
    os.makedirs(os.path.dirname(train_path), exist_ok=True)
    made = {os.path.join(DATA, "openwebtext", "train.bin"): train_path, os.path.join(SCORER_DATA, "openwebtext", "heldout.bin"): held_out_path}
    if all(os.path.isfile(path) for path in made):
        for path, target in made.items():
            if target == train_path:
                os.symlink(path, target)
            else:
                shutil.copyfile(path, target)
        return
    missing = [name for name in (ARCHIVE, "encoder.json", "vocab.bpe") if not os.path.isfile(os.path.join(SCORER_DATA, name))]
    if missing:
        text = (
            "main needs OpenWebText, and this host has not fetched it: %s not found in %s. They are the assets of this environment's "
            "manifest; `small` needs none of them" % (", ".join(missing), SCORER_DATA)
        )
        raise FileNotFoundError(errno.ENOENT, text, os.path.join(SCORER_DATA, missing[0]))
    make(SCORER_DATA, train_path, held_out_path, seed)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--from", dest="source", required=True, help="folder with %s, encoder.json and vocab.bpe" % ARCHIVE)
    parser.add_argument("--out", required=True)
    parser.add_argument("--seed", required=True, help="what this deployment gives its scorers as PLUMBLINE_SEED_VALUE")
    asked = parser.parse_args()
    os.makedirs(asked.out, exist_ok=True)
    files = {"train.bin": "everyone", "heldout.bin": "scorer"}
    make(asked.source, *(os.path.join(asked.out, name) for name in files), asked.seed)
    assets = []
    for name, reader in files.items():
        path, digest = os.path.abspath(os.path.join(asked.out, name)), hashlib.sha256()
        with open(path, "rb") as file:
            for block in iter(lambda: file.read(1 << 20), b""):
                digest.update(block)
        assets.append({"url": "file://" + path, "sha256": digest.hexdigest(), "bytes": os.path.getsize(path), "path": "openwebtext/" + name, "for": reader})
    print("assets: " + json.dumps(assets))


if __name__ == "__main__":
    main()
