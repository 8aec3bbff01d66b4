"""Starts a child process that runs the participant's code: without the family's files, /protected, the scorer's data or the network.

Bubblewrap does it where it is installed and user namespaces are allowed; where it is not, as in a container, the child is plain,
and as root becomes the user `agent` if there is one: kept from what root alone may read, but able to write to the workspace and to
use a network that the scorer has. `confined_argv` says which, and the scorer notes it in the row's details.

Environments are copied one by one, so each that needs this file has its own copy; a test keeps the copies alike.
"""

import glob
import os
import pwd
import shutil
import subprocess
import sys

HOME = os.environ.get("PLUMBLINE_HOME", "/home/agent")
ROOT = os.environ.get("PLUMBLINE_ROOT", "/root")
PROTECTED = os.environ.get("PLUMBLINE_PROTECTED", "/protected")
ENV = os.environ.get("PLUMBLINE_ENV", "/opt/env")
SCORER_DATA = os.environ.get("PLUMBLINE_SCORER_DATA") or "/opt/scorer-data"
# What the child does not see, beyond processes and the network.
HIDDEN = ("/proc", "/tmp", "/run", "/var/tmp", PROTECTED, ROOT, SCORER_DATA)


def child_env():
    """The child's whole environment: nothing of the scorer's own, its seed least of all."""
    env = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "HOME": HOME, "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}
    packages = os.path.join(ENV, "lib", "python")
    if os.path.isdir(packages):
        env["PYTHONPATH"] = packages
    return env


class Escapes(ValueError):
    """The folder to run in is, by a link, one that the confined child may not see."""


def _real(directory, shown, writable):
    """`directory` with its links resolved; raises `Escapes` where they lead to what is hidden from the child."""
    real = os.path.realpath(directory)

    def below(parent):
        parent = os.path.realpath(parent)
        return real == parent or real.startswith(parent.rstrip(os.sep) + os.sep)

    is_link = real != os.path.abspath(directory)
    if is_link and not any(below(path) for path in (HOME,) + tuple(shown) + tuple(writable)) and any(below(path) for path in HIDDEN):
        raise Escapes("%s is a link out of the workspace." % directory)
    return real


def _bubblewrap(proc, shown, writable):
    argv = [shutil.which("bwrap"), "--unshare-all", "--die-with-parent", "--ro-bind", "/", "/"]
    argv += ["--tmpfs", "/tmp", "--dev", "/dev"]
    for device in glob.glob("/dev/nvidia*"):
        argv += ["--dev-bind", device, device]
    # A nested sandbox may be refused a /proc of its own; an empty one is safe, the outer one would show the scorer.
    argv += ["--proc", "/proc"] if proc else ["--tmpfs", "/proc"]
    for hidden in HIDDEN[2:]:
        if os.path.isdir(hidden):
            argv += ["--tmpfs", hidden]
    # Last, because on a bare host these folders may lie below /tmp or beside the hidden ones.
    for path in (HOME, ENV) + tuple(shown):
        if os.path.exists(path):
            argv += ["--ro-bind", path, path]
    for path in writable:
        argv += ["--bind", path, path]
    return argv


def confined_argv(argv, directory, shown=(), writable=()):
    """`argv` confined, to be run in `directory`, and how: bubblewrap, or plain. Paths in `shown` are seen, those in `writable` can be changed."""
    directory = _real(directory, shown, writable)
    if shutil.which("bwrap"):
        for proc in (True, False):
            prefix = _bubblewrap(proc, shown, writable)
            # Tried elsewhere than in the participant's folder: nothing of theirs may decide whether there is a confinement.
            probe = subprocess.run(prefix + ["--chdir", "/", "true"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            if probe.returncode == 0:
                return prefix + ["--chdir", directory] + argv, "bubblewrap"
    return argv, "plain"


def _as_agent():
    """The options by which root's child becomes `agent`, where there is one. No function that would run in the child: scorers have threads."""
    try:
        agent = pwd.getpwnam("agent")
    except KeyError:
        return {}
    return {"user": agent.pw_uid, "group": agent.pw_gid, "extra_groups": []}


def start(source, arguments, directory, **options):
    """Starts Python on `source` (its text, because its file is hidden) in `directory`. Returns the process and how it is confined."""
    return start_program([sys.executable, "-s", "-B", "-c", source] + list(arguments), directory, **options)


def start_program(argv, directory, pass_fds=(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, shown=(), writable=(), env=None):
    """Starts a program confined, in `directory`; `env` is added to its small environment. Returns the process and how it is confined."""
    argv, how = confined_argv(argv, directory, shown, writable)
    process = subprocess.Popen(
        argv,
        cwd=directory,
        env=dict(child_env(), **(env or {})),
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        pass_fds=pass_fds,
        start_new_session=True,
        **(_as_agent() if how == "plain" and os.getuid() == 0 else {}),
    )
    return process, how


def end(process):
    """Ends the child and all it started. Safe to call twice."""
    try:
        os.killpg(process.pid, 9)
    except ProcessLookupError:
        pass
    process.wait()
