#!/usr/bin/env python3
"""verify_recording.py FOLDER [PUBLIC_KEY.pem] [--allow-unsigned]: checks an export by recording-format.md alone, which lies beside this.
Without a key the folder's own is believed. With --allow-unsigned SHA256SUMS.sig may be missing, as in older exports.
Python reads zstd from 3.14 on; before that the program `zstd` is asked; without it, decompress events/*.zst beside themselves."""
import base64, hashlib, json, math, os, pathlib, re, shutil, subprocess, sys

FORMAT, JSON, PAGE = "plumbline-recording/1", json.JSONDecoder(), pathlib.Path(__file__).with_name("recording-format.md")
CODES = dict(re.findall(r"^\| `([a-z_]+\.[a-z]+)` \| `([a-z]+)` \|", PAGE.read_text("utf-8"), re.M))
EVENT = re.compile(r'\{"seq":(\d+),"atMs":([^,]+),(?:"receivedAtMs":([^,]+),)?"type":("[^"\\]+"),"stream":(-?[0-9.]+),"data":')
P, Q = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
FOLDERS = {"released": ("events", "proofs", "manifests", "casts"), "erased": ("manifests",), "unfinished": (), "none": ()}
class Bad(Exception): """What is wrong with an export."""
BROKEN = (Bad, OSError, ValueError, LookupError, TypeError, AttributeError, subprocess.SubprocessError)
def need(holds, what):
    if not holds: raise Bad(what)
sha = lambda *parts: hashlib.sha256(b"".join(parts)).digest()
content = lambda *path: pathlib.Path(*path).read_bytes()
thousandths = lambda value: repr(math.floor(value * 1000 + 0.5) / 1000).removesuffix(".0")

def point(raw):  # Of Ed25519 (RFC 8032), as are the next three.
    sign, y = divmod(int.from_bytes(raw, "little"), 1 << 255)
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    x = x if (x * x - square) % P == 0 else x * pow(2, (P - 1) // 4, P) % P
    need(y < P and (x * x - square) % P == 0 and (x or not sign), "has a signature or a key that is no point of the curve")
    return (P - x if x & 1 != sign else x), y
def add(a, b):
    k = D * a[0] * b[0] * a[1] * b[1]
    return (a[0] * b[1] + b[0] * a[1]) * pow(1 + k, -1, P) % P, (a[1] * b[1] + a[0] * b[0]) * pow(1 - k, -1, P) % P
def times(n, a):
    twice = times(n >> 1, add(a, a)) if n else (0, 1)
    return add(twice, a) if n & 1 else twice
def is_signed(key, message, signature):
    signature = base64.b64decode(signature)
    s = int.from_bytes(signature[32:], "little")
    k = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % Q
    return len(signature) == 64 and s < Q and times(s, point(bytes.fromhex("58" + "66" * 31))) == add(point(signature[:32]), times(k, point(key)))

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
        made, line = line, json.loads(rest[8:-1])
        need(json.loads(line) == json.loads(made), "event %d says something else than its line" % seq)
    return line, kind, data
def tree_top(hashes):
    pairs = [hashes[i:i + 2] for i in range(0, len(hashes), 2)]
    return hashes[0] if len(hashes) == 1 else tree_top([sha(b"\x01", *pair) if len(pair) == 2 else pair[0] for pair in pairs])

def released_events(folder, attempt, proofs):
    path = os.path.join(folder, "events", attempt + ".jsonl")
    packed = content(path + ".zst")
    ends = [sum(proof["frameBytes"] for proof in proofs[:n]) for n in range(len(proofs) + 1)]
    named = [sha(packed[start:end]).hex() == proof["frameHash"] for proof, start, end in zip(proofs, ends, ends[1:])]
    need(all(named) and ends[-1] == len(packed), "has a frame that is not the one that was released")
    if sys.version_info >= (3, 14):
        from compression.zstd import decompress
        return decompress(packed).decode().split("\n")
    zstd = shutil.which("zstd")
    return (subprocess.run([zstd, "-dcq"], input=packed, stdout=-1, check=True).stdout if zstd else content(path)).decode().split("\n")

def check_segment(n, proof, events, state):
    header, shown, leaves, at = json.loads(proof["header"]), [], [], 0
    named = header["format"], header["attempt"], header["segment"], header["firstSeq"], header["previousRoot"]
    need(named == (FORMAT, state["attempt"], n, state["seq"] + 1, state["root"]), "is another one, or does not follow the one before it")
    need(len(events) == header["lines"] == len(proof["proofs"]) > 0, "has another count of events")
    for seq, event, given in zip(range(header["firstSeq"], header["firstSeq"] + len(events)), events, proof["proofs"]):
        secret, withheld = base64.b64decode(given, validate=True), event == '{"seq":%d,"withheld":true}' % seq
        need(len(secret) == (32 if withheld else 16) and base64.b64encode(secret).decode() == given, "has a proof that is none")
        line, kind, data = (None, None, None) if withheld else recorded_line(event, seq, header["baseMs"])
        shown.append((kind, data))
        leaves.append(secret if withheld else sha(secret, line.encode("utf-8", "surrogatepass")))
    for index, first, count in header["runs"]:
        source = header["sources"][index]
        mark, (kind, data) = state["marks"].get(source, 0), shown[at]
        gap = kind == "connection.gap" and (data["source"], data["from"], data["to"]) == (source, mark + 1, first) and first > mark + 1
        need(first == mark + 1 or gap, "lacks numbers of " + source)
        state["marks"][source], at = first + count - 1, at + count
    root = sha(b"plumbline segment root 1\n", sha(proof["header"].encode()), tree_top(leaves)).hex()
    need(at == len(events) and proof["root"] == root, "does not give its root")
    state.update(root=root, seq=state["seq"] + len(events), withheld=state["withheld"] + shown.count((None, None)))

def check_attempt(folder, row, key, signer):
    need(re.fullmatch("[0-9a-f-]{36}", row["attempt"]) and row["recording"] in FOLDERS, "its row is none")
    if not FOLDERS[row["recording"]]:
        return "no signed recording"
    read = lambda kind, ending: content(folder, kind, row["attempt"] + ending)
    attempt, state = row["attempt"], {"attempt": row["attempt"], "seq": 0, "root": "0" * 64, "marks": {}, "withheld": 0}
    manifest = json.loads(text := read("manifests", ".json"))
    need(is_signed(key, text, read("manifests", ".sig")), "its manifest has a bad signature")
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
        except BROKEN as error:
            raise Bad("segment %d, from event %d on: %s" % (n, first, error))
    signed = (manifest["lastSeq"], manifest["root"] or "0" * 64, manifest["sources"])
    need(signed == (len(events), state["root"], state["marks"]), "it ends elsewhere, or has other sources, than was signed")
    return "%s, %d events, %d withheld" % ("redacted" if state["withheld"] else "intact", state["seq"], state["withheld"])

def check_files(folder, rows, key, allow_unsigned):
    text, states = content(folder, "SHA256SUMS"), {row["attempt"]: row["recording"] for row in rows}
    listed = {path: total for total, path in (line.split("  ", 1) for line in text.decode().splitlines())}
    is_file = lambda path: path.is_symlink() or not (path.is_dir() or path.with_name(path.name + ".zst").exists())
    present = {path.relative_to(folder).as_posix() for path in pathlib.Path(folder).rglob("*") if is_file(path)}
    signed = "SHA256SUMS.sig" in present
    need(is_signed(key, text, content(folder, "SHA256SUMS.sig")) if signed else allow_unsigned, "not signed by the key, or changed since")
    for path in sorted((present | set(listed)) - {"SHA256SUMS", "SHA256SUMS.sig"}):
        kind, _, name = path.rpartition("/")
        need(path in present and not pathlib.Path(folder, path).is_symlink() and sha(content(folder, path)).hex() == listed.get(path), "does not agree with " + path)
        free = kind.split("/")[0] not in FOLDERS["released"] or path == "manifests/signing.pub"
        need(free or kind in FOLDERS[states.get(name[:36], "none")], "an attempt's row says that there is no " + path)
    return ("signed" if signed else "not signed") + ", and agrees with every file"
def holds(name, check, *given):
    try:
        print("%s: %s" % (name, check(*given)))
        return True
    except BROKEN as error:
        print("%s: damaged: %s" % (name, error))
def main(folder, *options):
    key_file, allow_unsigned = ([file for file in options if file != "--allow-unsigned"] + [None])[0], "--allow-unsigned" in options
    der = base64.b64decode(b"".join(content(key_file or os.path.join(folder, "manifests", "signing.pub")).splitlines()[1:-1]))
    need(der[:12].hex() == "302a300506032b6570032100" and len(der) == 44, "The key is no Ed25519 key.")
    rows = [json.loads(line) for line in content(folder, "attempts.jsonl").decode().splitlines()]
    whole = [holds(row["attempt"], check_attempt, folder, row, der[12:], sha(der).hex()) for row in rows]
    sys.exit(not holds("SHA256SUMS", check_files, folder, rows, der[12:], allow_unsigned) or not all(whole))
if __name__ == "__main__":
    main(*sys.argv[1:]) if len(sys.argv) in (2, 3, 4) else sys.exit(__doc__)
