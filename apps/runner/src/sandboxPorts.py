"""The way from the platform to what a participant serves on the sandbox's loopback. Runs in the participant's view, so
that it reaches what the participant reaches and nothing else, stands still when they do, and ends with them.

sandboxPorts.py list: prints [[port, command or null], ...] of programs that listen on the loopback.
sandboxPorts.py connect PORT: answers "+" when connected, or "-" and the reason; then carries stdin and stdout.
"""
import json
import os
import socket
import sys
import threading

CONNECT_SECONDS = 5
CHUNK = 65536
LISTED_MAX = 100
LISTENING = "0A"
# As /proc/net/tcp and tcp6 write them: loopback, and every address.
REACHED = {"0100007F", "00000000", "0" * 32, "0" * 24 + "01000000", "0000000000000000FFFF00000100007F"}


def listening():
    """Ports by the inode of their socket."""
    found = {}
    for name in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            with open(name) as table:
                rows = table.read().splitlines()[1:]
        except OSError:
            continue
        for row in rows:
            fields = row.split()
            address, port = fields[1].split(":")
            if fields[3] == LISTENING and address in REACHED:
                found[fields[9]] = int(port, 16)
    return found


def owners(inodes):
    """The command line of the process that holds each socket, by inode."""
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            for fd in os.listdir("/proc/%s/fd" % pid):
                target = os.readlink("/proc/%s/fd/%s" % (pid, fd))
                if target.startswith("socket:[") and target[8:-1] in inodes:
                    with open("/proc/%s/cmdline" % pid, "rb") as file:
                        words = file.read().rstrip(b"\0").replace(b"\0", b" ")
                    found[target[8:-1]] = words.decode("utf-8", "replace")[:300]
        except OSError:
            continue
    return found


def show():
    inodes = listening()
    commands = owners(inodes)
    ports = {}
    for inode, port in inodes.items():
        ports[port] = ports.get(port) or commands.get(inode)
    print(json.dumps(sorted(ports.items())[:LISTED_MAX]))


def connected(port):
    """IPv6 is tried where nothing listens on 127.0.0.1; what that one said is the answer where neither does."""
    try:
        return dial(socket.AF_INET, "127.0.0.1", port)
    except ConnectionRefusedError as refused:
        try:
            return dial(socket.AF_INET6, "::1", port)
        except OSError:
            raise refused from None


def dial(family, address, port):
    stream = socket.socket(family, socket.SOCK_STREAM)
    stream.settimeout(CONNECT_SECONDS)
    stream.connect((address, port))
    stream.settimeout(None)
    return stream


def carry_in(stream):
    while True:
        data = os.read(0, CHUNK)
        if not data:
            break
        stream.sendall(data)
    try:
        stream.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def write_all(data):
    view = memoryview(data)
    while view:
        view = view[os.write(1, view):]


def connect(port):
    try:
        stream = connected(port)
    except OSError as error:
        write_all(("-" + (error.strerror or str(error))).encode())
        return
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    write_all(b"+")
    threading.Thread(target=carry_in, args=(stream,), daemon=True).start()
    while True:
        data = stream.recv(CHUNK)
        if not data:
            break
        write_all(data)


if sys.argv[1] == "list":
    show()
else:
    try:
        connect(int(sys.argv[2]))
    except OSError:
        os._exit(1)
    # The thread may still wait for input that nobody will want.
    os._exit(0)
