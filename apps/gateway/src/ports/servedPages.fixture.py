"""Pages for the tests of ports: what a program in a sandbox might serve, also with bad intent. Usage: servedPages.py PORT"""
import base64
import hashlib
import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

PAGE = b"""<!doctype html><title>Served in the sandbox</title><h1>Served in the sandbox</h1><p id=said>waiting</p><script>
document.cookie = 'tossed=1; domain=localhost; path=/';
document.cookie = 'own=1; path=/';
const socket = new WebSocket(location.origin.replace('http', 'ws') + '/socket');
socket.onopen = () => socket.send('hello');
socket.onmessage = (event) => { document.getElementById('said').textContent = event.data; };
socket.onclose = () => { document.getElementById('said').textContent += ', closed'; };
</script>"""


class Pages(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, body=b"", *headers):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        url = urlsplit(self.path)
        query = parse_qs(url.query)
        if url.path == "/headers":
            self.answer(200, json.dumps([[name.lower(), value] for name, value in self.headers.items()]).encode())
        elif url.path == "/cookies":
            cookies = ["sid=1; Domain=localhost; Path=/", "plumbline-session=evil; Domain=localhost; Path=/"]
            self.answer(200, b"set", *[("Set-Cookie", cookie) for cookie in cookies], ("Clear-Site-Data", '"cookies"'))
        elif url.path == "/redirect":
            self.answer(302, b"", ("Location", query["to"][0]))
        elif url.path == "/large":
            self.answer(200, bytes(int(query["bytes"][0])))
        elif url.path == "/socket":
            self.echo()
        else:
            self.answer(200, PAGE, ("Content-Type", "text/html"))

    def do_POST(self):
        length = int(self.headers.get("Content-Length", 0))
        self.answer(200, hashlib.sha256(self.rfile.read(length)).hexdigest().encode())

    def echo(self):
        key = self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        accept = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", accept)
        self.end_headers()
        while True:
            head = self.rfile.read(2)
            if len(head) < 2 or head[0] & 15 == 8:
                break
            length = head[1] & 127
            mask = self.rfile.read(4)
            data = bytes(byte ^ mask[at % 4] for at, byte in enumerate(self.rfile.read(length)))
            reply = b"echo " + data
            self.wfile.write(bytes([0x81, len(reply)]) + reply)
            self.wfile.flush()
        self.close_connection = True

    def log_message(self, *_arguments):
        pass


print("serving-%d" % (os.getpid() > 0), flush=True)
ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Pages).serve_forever()
