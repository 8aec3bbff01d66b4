"""A task family that needs a GPU and nothing but its driver: it tries what a sandbox is given, and is no environment for people."""

import math
import os
import shutil

from assets import device

HOME = os.environ.get("PLUMBLINE_HOME", "/home/agent")
ASSETS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "assets")
LAUNCHES = 200


class TaskFamily:
    standard_version = "0.3.0"

    @staticmethod
    def get_tasks():
        return {"main": {"name": "main"}}

    @staticmethod
    def get_instructions(t):
        return "Run `python3 device.py` and look at `progress`.\n"

    @staticmethod
    def get_permissions(t):
        return []

    @staticmethod
    def install():
        pass

    @staticmethod
    def start(t):
        shutil.copy(os.path.join(ASSETS, "device.py"), os.path.join(HOME, "device.py"))
        os.makedirs(os.path.join(HOME, "solution"), exist_ok=True)

    @staticmethod
    def intermediate_score(t):
        gpu = device.Device()
        right = sum(1 for _ in range(LAUNCHES) if gpu.launch() == gpu.expected())
        return {"score": float(right), "message": {"gpus": device.count()}, "details": {}}

    @staticmethod
    def aggregate_scores(t, score_log):
        valid = [row["score"] for row in score_log if row["score"] is not None and math.isfinite(row["score"])]
        return max(valid) if valid else math.nan
