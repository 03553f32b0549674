"""A small HTTP server that speaks as much of Ollama's API as Write Script uses."""

import contextlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Ollama:
    """Answers /api/chat with each of `replies` in turn (the last one again): text, or (status, body).

    It answers in a `with` block; before it, the port is taken and nobody answers there. `delays` are the seconds
    before each answer, or the answers' that wait for `release`, where None.
    """

    def __init__(self, *replies, delays=(0.0,)):
        self.requests, self.answered = [], 0
        self.release = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                outer.requests.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                reply, delay = (given[min(len(outer.requests), len(given)) - 1] for given in (replies, delays))
                outer.release.wait(delay)
                outer.answered += 1
                status, body = reply if isinstance(reply, tuple) else (200, None)
                if body is None:
                    message = {"role": "assistant", "content": reply}
                    body = json.dumps(
                        {"model": "m", "created_at": "2026-01-01T00:00:00Z", "done": True, "message": message}
                    )
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                with contextlib.suppress(ConnectionError):  # the client may have given up
                    self.wfile.write(body.encode())

            def log_message(self, *args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler, bind_and_activate=False)
        self.server.server_bind()
        self.host = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self):
        self.server.server_activate()
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.release.set()
        self.server.shutdown()
        self.server.server_close()
