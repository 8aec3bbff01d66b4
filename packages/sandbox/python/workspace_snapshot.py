"""Snapshots of the workspace as git objects, made by plumbing in a repository outside the participant's reach.

`git add` would lose nested repositories and rewrite bytes by attributes; this takes what a walk of its own found. Git opens
the very files that were checked, through this process's descriptors, and runs without configuration, hooks or attributes.
"""
import hashlib
import os
import shutil
import subprocess
import tarfile
import time

from snapshot_mending import mend
from snapshot_walk import SnapshotWalk, identity, shown_rows
from workspace_paths import Refused, parts_of
from workspace_trees import CHUNK, unlink_below

MAX_HISTORY = 500
MAX_CHANGED = 2_000
CHANGES = {"A": "created", "D": "deleted"}
BATCH = 256
GIT_TIMEOUT_S = 600
# A file that changed this shortly before it was read may change again within the same time stamp.
RACY_NS = 2_000_000_000
REF = "refs/heads/snapshots"
# Snapshots that later ones do not build on, for the history of files.
KEPT_REFS = "refs/kept/"
CONFIG = {
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    "core.attributesFile": "/dev/null",
    "core.protectNTFS": "false",
    "core.protectHFS": "false",
    "gc.auto": "0",
}


class Snapshots:
    def __init__(self, workspace, trees, store):
        self.workspace = workspace
        self.trees = trees
        self.repository = os.path.join(store, "snapshots.git")
        self.store = store
        # path -> (identity, object): what did not change is not read again.
        self.known = {}
        self.source = SnapshotWalk(workspace, trees)

    def git(self, *args, data=None, environment=None):
        return self.git_bytes(*args, data=data, environment=environment).decode()

    def git_bytes(self, *args, data=None, environment=None):
        env = self.environment(environment)
        done = subprocess.run(["git", *args], input=data or b"", env=env, cwd=self.store, capture_output=True, timeout=GIT_TIMEOUT_S)
        if done.returncode != 0:
            raise RuntimeError("git %s: %s" % (args[0], done.stderr.decode(errors="replace")[-500:]))
        return done.stdout

    def environment(self, more=None):
        settings = {"GIT_CONFIG_COUNT": str(len(CONFIG))}
        for n, (key, value) in enumerate(CONFIG.items()):
            settings["GIT_CONFIG_KEY_%d" % n] = key
            settings["GIT_CONFIG_VALUE_%d" % n] = value
        return {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": "/nonexistent",
            "GIT_DIR": self.repository,
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_INDEX_FILE": os.path.join(self.store, "snapshot.index"),
            **settings,
            **(more or {}),
        }

    def prepare(self):
        if shutil.which("git", path="/usr/local/bin:/usr/bin:/bin") is None:
            raise Refused("unavailable", "Snapshots need the package git on the sandbox host.")
        if not os.path.exists(os.path.join(self.repository, "HEAD")):
            self.git("init", "--quiet", "--bare", "--template=", "--object-format=sha1", self.repository)

    def last(self):
        try:
            return self.git("rev-parse", "--verify", "--quiet", REF).strip()
        except RuntimeError:
            return None

    def write_blobs(self, fds):
        """Object names for open files, or None in the place of one that git could not read."""
        if not fds:
            return []
        lines = "".join("/proc/%d/fd/%d\n" % (os.getpid(), fd) for fd in fds)
        try:
            names = self.git("hash-object", "-w", "--no-filters", "--stdin-paths", data=lines.encode()).split()
            if len(names) == len(fds):
                return names
        except RuntimeError:
            pass
        # One that shrinks while it is mapped ends git: then each is tried alone.
        if len(fds) == 1:
            return [None]
        return [name for fd in fds for name in self.write_blobs([fd])]

    def file_objects(self, files, rows):
        index = []
        for start in range(0, len(files), BATCH):
            opened = []
            for path, info in files[start:start + BATCH]:
                known = self.known.get(path)
                if known and known[0] == identity(info):
                    index.append((path, info.st_mode, known[1]))
                    continue
                fd = self.trees.open_exact(path)
                if fd is None:
                    rows.append({"path": path, "reason": "not readable, or gone while it was read"})
                else:
                    opened.append((path, os.fstat(fd), fd))
            try:
                names = self.write_blobs([fd for _, _, fd in opened])
            finally:
                for _, _, fd in opened:
                    os.close(fd)
            for (path, info, _), name in zip(opened, names):
                if name is None:
                    rows.append({"path": path, "reason": "changed while it was read"})
                    continue
                index.append((path, info.st_mode, name))
                if time.time_ns() - info.st_mtime_ns > RACY_NS:
                    self.known[path] = (identity(info), name)
        return index

    def link_objects(self, links):
        index = []
        for start in range(0, len(links), BATCH):
            opened = []
            try:
                for path in links[start:start + BATCH]:
                    target = self.trees.link_target(path)
                    if target is None:
                        continue
                    fd = os.memfd_create("link")
                    opened.append((path, fd))
                    os.write(fd, os.fsencode(target))
                index += [(path, None, name) for (path, _), name in zip(opened, self.write_blobs([fd for _, fd in opened])) if name]
            finally:
                for _, fd in opened:
                    os.close(fd)
        return index

    def holds(self, commit):
        try:
            return self.git("cat-file", "-t", commit).strip() == "commit"
        except RuntimeError:
            return False

    def snapshot(self, message, at_ms, target, base):
        """Takes one, as a bundle of what is new since the commit `base`, or of all there is. What is new is nothing else's to say: what was
        taken here last may never have been recorded. In a repository that is broken it is taken once more, of all there is."""
        try:
            return self.take(message, at_ms, target, base)
        except RuntimeError:
            if not mend(self.repository, self.git):
                raise
            self.known = {}
            return self.take(message, at_ms, target, None)

    def take(self, message, at_ms, target, base):
        self.prepare()
        if base is not None and not self.holds(base):
            base = None
        files, links, rows, total = self.source.walk()
        index = self.file_objects(files, rows) + self.link_objects(links)
        self.known = {path: self.known[path] for path, _ in files if path in self.known}
        lines = b"".join(
            b"%s %s\t%s\0" % (b"120000" if mode is None else b"100755" if mode & 0o100 else b"100644", name.encode(), os.fsencode(path))
            for path, mode, name in index
        )
        index_file = os.path.join(self.store, "snapshot.index")
        if os.path.exists(index_file):
            os.unlink(index_file)
        self.git("update-index", "-z", "--index-info", data=lines)
        tree = self.git("write-tree").strip()
        last = self.last()
        result = {"tree": tree, "files": len(index), "bytes": total, "skipped": shown_rows(rows), "skippedCount": len(rows)}
        if base and self.git("rev-parse", base + "^{tree}").strip() == tree:
            return {**result, "commit": base, "base": base, "bundleHash": None}
        who = {"NAME": "Plumbline", "EMAIL": "snapshots@plumbline.invalid", "DATE": "@%d +0000" % (at_ms // 1000)}
        environment = {"GIT_%s_%s" % (role, key): value for role in ("AUTHOR", "COMMITTER") for key, value in who.items()}
        parent = ["-p", base] if base else []
        commit = self.git("commit-tree", tree, *parent, data=message.encode() + b"\n", environment=environment).strip()
        # The bundle comes before the reference: a crash between them makes it again.
        self.git("update-ref", "refs/heads/next", commit)
        if os.path.exists(target):
            os.unlink(target)
        self.git("bundle", "create", "--quiet", target, "refs/heads/next", *(["^" + base] if base else []))
        sha = hashlib.sha256()
        with open(target, "rb") as file:
            while chunk := file.read(CHUNK):
                sha.update(chunk)
        if last and last != base:
            self.git("update-ref", KEPT_REFS + last, last)
        self.git("update-ref", REF, commit)
        return {**result, "commit": commit, "base": base, "bundleHash": sha.hexdigest()}

    def restore(self, bundles):
        """Makes the workspace what the last of a chain of bundles holds. What no snapshot holds stays as it is."""
        self.prepare()
        for bundle in bundles:
            self.git("fetch", "--quiet", bundle, "+refs/heads/next:refs/heads/next")
        commit = self.git("rev-parse", "--verify", "refs/heads/next").strip()
        entries = []
        for line in self.git_bytes("ls-tree", "-r", "-z", "--full-tree", commit).split(b"\0"):
            if line:
                head, path = line.split(b"\t", 1)
                mode, kind, name = head.decode().split(" ")
                if kind == "blob":
                    entries.append((os.fsdecode(path), mode, name))
        kept = {path for path, _, _ in entries}
        opened = {}
        files, links, _, _ = self.source.walk()
        for path in [path for path, _ in files] + links:
            if path not in kept:
                unlink_below(self.workspace.fd, path, opened)
        archive = os.path.join(self.store, "restore.tar")
        try:
            self.write_archive(entries, archive)
            restored = self.trees.restore(archive, opened=opened)
        finally:
            if os.path.exists(archive):
                os.unlink(archive)
        self.git("update-ref", REF, commit)
        return {**restored, "commit": commit}

    def write_archive(self, entries, archive):
        reader = subprocess.Popen(
            ["git", "cat-file", "--batch"], env=self.environment(), cwd=self.store, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        try:
            with tarfile.open(archive, "w:", format=tarfile.PAX_FORMAT) as tar:
                for path, mode, name in entries:
                    reader.stdin.write(name.encode() + b"\n")
                    reader.stdin.flush()
                    head = reader.stdout.readline().split()
                    if len(head) != 3 or head[1] != b"blob":
                        raise RuntimeError("the snapshot lacks an object")
                    size = int(head[2])
                    member = tarfile.TarInfo(path)
                    if mode == "120000":
                        member.type = tarfile.SYMTYPE
                        member.linkname = os.fsdecode(reader.stdout.read(size))
                        tar.addfile(member)
                    else:
                        member.size = size
                        member.mode = 0o755 if mode == "100755" else 0o644
                        tar.addfile(member, reader.stdout)
                    reader.stdout.read(1)
        finally:
            reader.stdin.close()
            reader.stdout.close()
            reader.kill()
            reader.wait()

    def history(self, path):
        """The snapshots in which a file changed, or all, newest first."""
        if self.last() is None:
            return {"snapshots": []}
        only = [] if path is None else ["--", ":(literal)" + "/".join(parts_of(path))]
        text = self.git("log", "--max-count=%d" % MAX_HISTORY, "--format=%H %ct %s", "--glob=" + KEPT_REFS, REF, *only)
        rows = [line.split(" ", 2) for line in text.splitlines()]
        return {"snapshots": [{"commit": commit, "atMs": int(seconds) * 1000, "cause": cause} for commit, seconds, cause in rows]}

    def changed(self):
        """The files in which the newest snapshot differs from the first one, by path; `since` is the first one's commit, None without any."""
        if self.last() is None:
            return {"since": None, "atMs": None, "files": [], "truncated": False}
        since = self.git("rev-list", "--max-parents=0", "--glob=" + KEPT_REFS, REF).split()[-1]
        at_ms = int(self.git("log", "--max-count=1", "--format=%ct", REF)) * 1000
        words = self.git_bytes("diff-tree", "-r", "-z", "--no-renames", "--name-status", since, REF).split(b"\0")[:-1]
        files = [
            {"path": path.decode(errors="replace"), "change": CHANGES.get(letter.decode(), "modified")}
            for letter, path in zip(words[:MAX_CHANGED * 2:2], words[1::2])
        ]
        return {"since": since, "atMs": at_ms, "files": files, "truncated": len(words) > MAX_CHANGED * 2}

    def text_at(self, commit, path, max_bytes):
        """A file as a snapshot holds it: its text is null where it is binary, `missing` where the snapshot has no such file."""
        name = "%s:%s" % (commit, "/".join(parts_of(path)))
        try:
            if self.git("cat-file", "-t", name).strip() != "blob":
                raise Refused("invalid_input", "That is a folder.")
            if int(self.git("cat-file", "-s", name)) > max_bytes:
                raise Refused("too_large", "The file is too large to be compared.")
        except RuntimeError:
            return {"text": None, "missing": True}
        data = self.git_bytes("cat-file", "blob", name)
        try:
            return {"text": None if b"\0" in data else data.decode("utf-8"), "missing": False}
        except UnicodeDecodeError:
            return {"text": None, "missing": False}
