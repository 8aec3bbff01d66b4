"""Gives an image the accounts of the Task Standard: `agent` (1000) and the group `protected`. Run as root while it is built.

Images differ in what manages accounts, and some have nothing, so the files themselves are written.
"""
import os
import shutil
import sys

AGENT = 1000
NEEDED = ("bash", "git", "tar")


def lines(path):
    try:
        with open(path) as file:
            return [line for line in file.read().split("\n") if line]
    except FileNotFoundError:
        return []


def write(path, entries, mode):
    with open(path, "w") as file:
        file.write("\n".join(entries) + "\n")
    os.chmod(path, mode)


def main():
    missing = [name for name in NEEDED if shutil.which(name) is None]
    if missing:
        sys.exit("The base image lacks %s." % ", ".join(missing))
    users = [line.split(":") for line in lines("/etc/passwd")]
    # Some images have a user of that number with another name.
    replaced = {user[0] for user in users if user[2] == str(AGENT)} | {"agent"}
    users = [user for user in users if user[0] not in replaced]
    users.append(["agent", "x", str(AGENT), str(AGENT), "agent", "/home/agent", "/bin/bash"])
    write("/etc/passwd", [":".join(user) for user in users], 0o644)

    groups = [line.split(":") for line in lines("/etc/group")]
    groups = [group for group in groups if group[0] != "agent" and group[2] != str(AGENT)]
    groups.append(["agent", "x", str(AGENT), ""])
    if all(group[0] != "protected" for group in groups):
        taken = {int(group[2]) for group in groups}
        free = next(number for number in range(AGENT + 1, 60000) if number not in taken)
        groups.append(["protected", "x", str(free), ""])
    write("/etc/group", [":".join(group) for group in groups], 0o644)

    shadow = [line for line in lines("/etc/shadow") if line.split(":")[0] not in replaced]
    if shadow:
        write("/etc/shadow", shadow + ["agent:*:19000:0:99999:7:::"], 0o640)


main()
