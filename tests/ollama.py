"""A small HTTP server that speaks as much of Ollama's API as Write Script uses."""

import contextlib
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Ollama:
    """Answers /api/chat with each of `replies` in turn (the last one again): text, or (status, body)."""

    def __init__(self, *replies, delay=0.0, port=0):
        self.requests = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                outer.requests.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                time.sleep(delay)
                reply = replies[min(len(outer.requests), len(replies)) - 1]
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

        self.server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.host = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
