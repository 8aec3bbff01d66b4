"""Runs a command in a sandbox's container, with this process's own standard input and output.

Usage: container_door.py CONFIG -- COMMAND...; CONFIG is JSON: {door: folder of the socket on this host, cwd, tty};
PLUMBLINE_VIEW_ENV holds the command's whole environment as JSON. Ends as the command ends, with 128 + n for signal n; the
command ends when this process does. `container_init.py` is the other side.
"""
import array
import ctypes
import fcntl
import json
import os
import signal
import socket
import struct
import sys

TIOCNOTTY = 0x5422
PR_SET_PDEATHSIG = 1
NOT_ENTERED = 125


def connect(door):
    connection = socket.socket(socket.AF_UNIX)
    # The name of a socket is short, and a folder's path may be long.
    os.chdir(door)
    connection.connect("door.sock")
    os.chdir("/")
    return connection


def main():
    separator = sys.argv.index("--")
    config = json.loads(sys.argv[1])
    argv = sys.argv[separator + 1 :]
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL), 0, 0, 0)
    connection = connect(config["door"])
    request = json.dumps({"argv": argv, "env": json.loads(os.environ["PLUMBLINE_VIEW_ENV"]), "cwd": config["cwd"], "tty": config["tty"]}).encode()
    if config["tty"]:
        # The terminal goes to the command, which leads a session that exists in the container.
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        fcntl.ioctl(0, TIOCNOTTY)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda _number, _frame: connection.shutdown(socket.SHUT_WR))
    connection.sendall(b"C")
    connection.sendmsg([struct.pack("!I", len(request))], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0, 1, 2]))])
    connection.sendall(request)
    answer = b""
    while len(answer) < 4:
        more = connection.recv(4 - len(answer))
        if not more:
            # The container ended, and the command with it.
            os._exit(128 + signal.SIGKILL)
        answer += more
    os._exit(struct.unpack("!i", answer)[0])


try:
    main()
except OSError as error:
    os.write(2, ("The sandbox could not be entered: %s\n" % error).encode())
    os._exit(NOT_ENTERED)
