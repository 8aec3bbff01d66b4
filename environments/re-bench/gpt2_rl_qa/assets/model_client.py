"""Asks the model, through the platform's proxy. Each call costs part of a budget: see budget()."""

import http.client
import json
import os
import socket


class ModelError(Exception):
    """No answer; `code` says why: budget_spent, paused, invalid_input, provider_failed, …"""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


class _Connection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=180)
        self._path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def _request(method, path, body=None):
    place = os.environ.get("PLUMBLINE_MODEL_SOCKET")
    if not place:
        raise ModelError("no_model", "There is no model here: PLUMBLINE_MODEL_SOCKET is not set.")
    connection = _Connection(place)
    try:
        connection.request(method, path, None if body is None else json.dumps(body), {"content-type": "application/json"})
        response = connection.getresponse()
        answer = json.loads(response.read())
    finally:
        connection.close()
    if response.status != 200:
        error = answer.get("error", {})
        raise ModelError(error.get("code", "failed"), error.get("message", "The model gave status %d." % response.status))
    return answer


def ask(messages, n=1, temperature=1.0, max_tokens=1024, **more):
    """`n` answers, as texts, to `messages`, a list of {"role", "content"}. `seed`, `stop` and `top_p` may be given too."""
    answer = _request("POST", "/v1/chat/completions", dict(more, messages=messages, n=n, temperature=temperature, max_tokens=max_tokens))
    return [choice["message"]["content"] for choice in answer["choices"]]


def budget():
    """A dict of the model's name and the dollars of budget_usd, spent_usd and left_usd."""
    return _request("GET", "/v1/budget")
