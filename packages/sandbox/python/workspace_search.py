"""Finds text in a workspace's files, or lists them: one request as JSON on standard input, the answer on standard output.

Usage: workspace_search.py WORKSPACE. A process of its own for each request, because a pattern can be made to take for ever:
after the time that the request gives it tells what it found so far, and whoever started it may end it at any time.
"""
import fnmatch
import json
import os
import re
import signal
import stat
import sys

SKIPPED = {".git", "node_modules", "__pycache__", ".venv", "venv", ".cache", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".ipynb_checkpoints"}
MAX_FILE_BYTES = 5 << 20
MAX_MATCHES = 2_000
MAX_MATCHES_OF_FILE = 200
MAX_PATHS = 50_000
MAX_PATH_BYTES = 8 << 20
MAX_DEPTH = 100
# What is shown of a line: the match with something around it.
BEFORE = 60
SHOWN = 240


class Enough(Exception):
    pass


def units(text):
    """The length as browsers count it: in UTF-16 code units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def globs(text):
    return [part.strip().strip("/") for part in text.split(",") if part.strip()]


def matches_glob(path, name, pattern):
    """A pattern without a slash is about names anywhere, one with a slash about paths and all below them."""
    if "/" not in pattern:
        return fnmatch.fnmatchcase(name, pattern) or any(fnmatch.fnmatchcase(part, pattern) for part in path.split("/")[:-1])
    return fnmatch.fnmatchcase(path, pattern.replace("**", "*")) or fnmatch.fnmatchcase(path, pattern.rstrip("/*") + "/*")


def walk(root, exclude):
    """(path, stat, open folder, name) of each regular file, folders by name; no link is followed."""
    stack = [(os.open(root, os.O_RDONLY | os.O_DIRECTORY), "", 0)]
    while stack:
        fd, prefix, depth = stack.pop()
        try:
            folders = []
            for name in sorted(os.listdir(fd)):
                if name.startswith(".plumbline-"):
                    continue
                path = prefix + name
                try:
                    info = os.stat(name, dir_fd=fd, follow_symlinks=False)
                except OSError:
                    continue
                if any(matches_glob(path, name, pattern) for pattern in exclude):
                    continue
                if stat.S_ISDIR(info.st_mode):
                    if name not in SKIPPED and depth < MAX_DEPTH:
                        try:
                            folders.append((os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=fd), path + "/", depth + 1))
                        except OSError:
                            continue
                elif stat.S_ISREG(info.st_mode):
                    yield path, info, fd, name
            stack.extend(reversed(folders))
        finally:
            os.close(fd)


def read(fd, name, info):
    """A text file's text; None for one that is binary, too large or not readable."""
    if info.st_size > MAX_FILE_BYTES:
        return None
    try:
        file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=fd)
    except OSError:
        return None
    with os.fdopen(file, "rb") as opened:
        data = opened.read(MAX_FILE_BYTES)
    if b"\0" in data[:8192]:
        return None
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None


def pattern_of(request):
    source = request["query"] if request["regex"] else re.escape(request["query"])
    # Named groups are written without the P in the browser that replaces.
    source = re.sub(r"\(\?<(?![=!])", "(?P<", source) if request["regex"] else source
    if request["wholeWord"]:
        source = r"\b(?:%s)\b" % source
    return re.compile(source, re.MULTILINE | (0 if request["caseSensitive"] else re.IGNORECASE))


def matches_in(text, pattern):
    found = []
    line = 1
    at = 0
    for match in pattern.finditer(text):
        if match.end() == match.start():
            continue
        line += text.count("\n", at, match.start())
        at = match.start()
        start = text.rfind("\n", 0, at) + 1
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        shown_from = max(start, at - BEFORE)
        shown = text[shown_from:min(end, shown_from + SHOWN)]
        inside = text[at:min(match.end(), end, shown_from + SHOWN)]
        found.append({
            "line": line,
            "column": units(text[start:at]) + 1,
            "length": units(match.group()),
            "text": shown,
            "from": units(text[shown_from:at]),
            "to": units(text[shown_from:at]) + units(inside),
        })
        if len(found) >= MAX_MATCHES_OF_FILE:
            break
    return found


def search(root, request):
    pattern = pattern_of(request)
    include = globs(request["include"])
    answer = {"files": [], "matches": 0, "searched": 0, "truncated": False}

    def stop(*_):
        raise Enough

    # The matcher itself looks for signals, so that this ends a pattern that would not end.
    signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, request["withinMs"] / 1000)
    try:
        for path, info, fd, name in walk(root, globs(request["exclude"])):
            if answer["matches"] >= MAX_MATCHES:
                raise Enough
            if include and not any(matches_glob(path, name, one) for one in include):
                continue
            text = read(fd, name, info)
            if text is None:
                continue
            answer["searched"] += 1
            found = matches_in(text, pattern)
            if found:
                answer["matches"] += len(found)
                answer["files"].append({"path": path, "matches": found})
    except Enough:
        answer["truncated"] = True
    signal.setitimer(signal.ITIMER_REAL, 0)
    return answer


def paths(root):
    found = []
    size = 0
    for path, _, _, _ in walk(root, []):
        size += len(path) * 2
        if len(found) >= MAX_PATHS or size > MAX_PATH_BYTES:
            return {"paths": found, "truncated": True}
        found.append(path)
    return {"paths": found, "truncated": False}


def main():
    request = json.loads(sys.stdin.buffer.read())
    try:
        answer = search(sys.argv[1], request) if request["kind"] == "search" else paths(sys.argv[1])
    except re.error as error:
        answer = {"error": "The pattern cannot be read: %s." % error}
    sys.stdout.buffer.write(json.dumps(answer).encode())


if __name__ == "__main__":
    main()
