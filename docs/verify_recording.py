#!/usr/bin/env python3
"""Checks an exported folder by recording-format.md alone, which lies beside this: verify_recording.py FOLDER [PUBLIC_KEY.pem]

Without a key the folder's own is believed. Python reads zstd from 3.14 on; before that the program `zstd` is asked, and without
it events/ATTEMPT.jsonl is read: decompress events/ATTEMPT.jsonl.zst to that name by any means."""
import base64, hashlib, json, math, os, re, shutil, subprocess, sys

FORMAT, JSON = "plumbline-recording/1", json.JSONDecoder()
PAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "recording-format.md")
CODES = dict(re.findall(r"^\| `([a-z_]+\.[a-z]+)` \| `([a-z]+)` \|", open(PAGE, encoding="utf-8").read(), re.M))
EVENT = re.compile(r'\{"seq":(\d+),"atMs":([^,]+),(?:"receivedAtMs":([^,]+),)?"type":("[^"\\]+"),"stream":(-?[0-9.]+),"data":')
P, Q = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P

class Bad(Exception):
    """What is wrong with a recording."""
def need(holds, what):
    if not holds:
        raise Bad(what)
def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()

def point(raw):  # Of Ed25519 (RFC 8032), as are the next three.
    sign, y = divmod(int.from_bytes(raw, "little"), 1 << 255)
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    need(y < P and (x * x - square) % P == 0 and (x or not sign), "has a signature or a key that is no point of the curve")
    x = P - x if x & 1 != sign else x
    return x, y, 1, x * y % P
def add(a, b):
    e, f = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    g, h = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    return (f - e) * (h - g) % P, (h + g) * (f + e) % P, (h - g) * (h + g) % P, (f - e) * (f + e) % P
def times(n, a):
    total = (0, 1, 1, 0)
    while n:
        total, a, n = (add(total, a) if n & 1 else total), add(a, a), n >> 1
    return total
def is_signed(key, message, signature):
    s = int.from_bytes(signature[32:], "little")
    k = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % Q
    left, right = times(s, point(bytes.fromhex("58" + "66" * 31))), add(point(signature[:32]), times(k, point(key)))
    return len(signature) == 64 and s < Q and (left[0] * right[2] - right[0] * left[2]) % P == 0 == (left[1] * right[2] - right[1] * left[2]) % P

def thousandths(value):
    value = math.floor(value * 1000 + 0.5) / 1000
    return str(int(value)) if value == int(value) else repr(value)

def recorded_line(text, seq, base):
    """The line that was hashed, made again from an event as it is released; every character of that is accounted for."""
    found = EVENT.match(text)
    need(found and int(found[1]) == seq, "event %d is not written as a release writes it" % seq)
    at, kind = float(found[2]), json.loads(found[4])
    data, end = JSON.raw_decode(text, found.end())
    raw, rest = text[found.end():end], text[end:]
    if kind == "terminal.output" and isinstance(data, dict):
        parts = re.match(r'\{"offset":([0-9.e+]+),"bytes":', raw)
        stop = JSON.raw_decode(raw, parts.end())[1]
        joined = re.fullmatch(r'(?:,"joined":([0-9]+))?\}', raw[stop:])
        raw = "[%s,%s%s]" % (parts[1], raw[parts.end():stop], "," + joined[1] if joined[1] else "")
    lag = "," + thousandths(float(found[3]) - at) if found[3] else ""
    line = "[%s,%s,%s,%s%s]" % (thousandths(at - base), json.dumps(CODES.get(kind, kind)), found[5], raw, lag)
    need(thousandths(at) == found[2], "event %d has a finer time than a line keeps" % seq)
    if rest != "}":
        need(rest.startswith(',"line":') and rest[-1] == "}", "event %d has more than an event has" % seq)
        given = json.loads(rest[8:-1])
        need(json.loads(given) == json.loads(line), "event %d says something else than its line" % seq)
        line = given
    return line, kind, data
def tree_top(hashes):
    while len(hashes) > 1:
        hashes = [sha(b"\x01", *hashes[i:i + 2]) if i + 1 < len(hashes) else hashes[i] for i in range(0, len(hashes), 2)]
    return hashes[0]

def released_events(folder, attempt, proofs):
    path = os.path.join(folder, "events", attempt + ".jsonl")
    packed = open(path + ".zst", "rb").read()
    ends = [sum(proof["frameBytes"] for proof in proofs[:n]) for n in range(len(proofs) + 1)]
    named = [sha(packed[start:end]).hex() == proof["frameHash"] for proof, start, end in zip(proofs, ends, ends[1:])]
    need(all(named) and ends[-1] == len(packed), "has a frame that is not the one that was released")
    try:
        from compression.zstd import decompress
        text = decompress(packed)
    except ImportError:
        zstd = shutil.which("zstd")
        text = subprocess.run([zstd, "-dcq"], input=packed, stdout=-1, check=True).stdout if zstd else open(path, "rb").read()
    return text.decode().split("\n")

def check_segment(n, proof, events, state):
    header, shown, leaves, at = json.loads(proof["header"]), [], [], 0
    need((header["format"], header["attempt"], header["segment"]) == (FORMAT, state["attempt"], n), "has another header")
    need(len(events) == header["lines"] == len(proof["proofs"]) > 0, "has another count of events")
    need((header["firstSeq"], header["previousRoot"]) == (state["seq"] + 1, state["root"]), "does not follow the one before it")
    for seq, event, given in zip(range(header["firstSeq"], header["firstSeq"] + len(events)), events, proof["proofs"]):
        secret, withheld = base64.b64decode(given, validate=True), event == '{"seq":%d,"withheld":true}' % seq
        need(len(secret) == (32 if withheld else 16) and base64.b64encode(secret).decode() == given, "has a proof that is none")
        line, kind, data = (None, None, None) if withheld else recorded_line(event, seq, header["baseMs"])
        shown.append((kind, data))
        leaves.append(secret if withheld else sha(secret, line.encode("utf-8", "surrogatepass")))
        state["withheld"] += withheld
    for index, first, count in header["runs"]:
        source = header["sources"][index]
        mark, (kind, data) = state["marks"].get(source, 0), shown[at]
        gap = kind == "connection.gap" and (data["source"], data["from"], data["to"]) == (source, mark + 1, first) and first > mark + 1
        need(first == mark + 1 or gap, "lacks numbers of " + source)
        state["marks"][source], at = first + count - 1, at + count
    root = sha(b"plumbline segment root 1\n", sha(proof["header"].encode()), tree_top(leaves)).hex()
    need(at == len(events) and proof["root"] == root, "does not give its root")
    state.update(root=root, seq=state["seq"] + len(events))

def check_attempt(folder, row, key, signer):
    read = lambda kind, ending: open(os.path.join(folder, kind, row["attempt"] + ending), "rb").read()
    attempt, state = row["attempt"], {"attempt": row["attempt"], "seq": 0, "root": "0" * 64, "marks": {}, "withheld": 0}
    text, signature = read("manifests", ".json"), base64.b64decode(read("manifests", ".sig").strip())
    manifest = json.loads(text)
    need(is_signed(key, text, signature), "its manifest has a bad signature")
    need((manifest["format"], manifest["attempt"], manifest["signer"]) == (FORMAT, attempt, signer), "its manifest is another one's")
    if row["recording"] == "erased":
        return "erased, and its manifest holds"
    proofs = [json.loads(line) for line in read("proofs", ".jsonl").decode().splitlines()]
    events = released_events(folder, attempt, proofs)
    need(len(proofs) == len(manifest["segments"]) and events.pop() == "", "it has another count of segments than was signed")
    for n, (proof, named) in enumerate(zip(proofs, manifest["segments"]), 1):
        first = state["seq"] + 1
        try:
            check_segment(n, proof, events[first - 1:named["lastSeq"]], state)
            need(named == {"firstSeq": first, "lastSeq": state["seq"], "root": state["root"]}, "is not the one that was signed")
        except (Bad, ValueError, LookupError, TypeError, AttributeError) as error:
            raise Bad("segment %d, from event %d on: %s" % (n, first, error))
    signed = (manifest["lastSeq"], manifest["root"] or "0" * 64, manifest["sources"])
    need(signed == (len(events), state["root"], state["marks"]), "it ends elsewhere, or has other sources, than was signed")
    return "%s, %d events, %d withheld" % ("redacted" if state["withheld"] else "intact", state["seq"], state["withheld"])

def main(folder, key_file=None):
    pem, failed = open(key_file or os.path.join(folder, "manifests", "signing.pub")).read(), False
    der = base64.b64decode("".join(line for line in pem.splitlines() if not line.startswith("-")))
    need(der[:12].hex() == "302a300506032b6570032100" and len(der) == 44, "The key is no Ed25519 key.")
    for row in map(json.loads, open(os.path.join(folder, "attempts.jsonl"), encoding="utf-8")):
        try:
            need(re.fullmatch("[0-9a-f-]{36}", row["attempt"]), "its name is none")
            verdict = check_attempt(folder, row, der[12:], sha(der).hex()) if row["recording"] in ("released", "erased") else "not signed"
        except (Bad, OSError, ValueError, LookupError, TypeError, AttributeError, subprocess.SubprocessError) as error:
            verdict, failed = "damaged: %s" % error, True
        print("%s: %s" % (row["attempt"], verdict))
    sys.exit(failed)
if __name__ == "__main__":
    main(*sys.argv[1:]) if len(sys.argv) in (2, 3) else sys.exit(__doc__)
