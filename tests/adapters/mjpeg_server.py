"""A network camera on this machine: MJPEG over HTTP, and everything that goes wrong with one."""

import contextlib
import http.server
import socket
import threading
from collections.abc import Iterator

import cv2
import numpy as np


def jpeg(width: int = 64, height: int = 48, grey: int = 128) -> bytes:
    """A picture with some detail, so that half of it is really missing."""
    rng = np.random.default_rng(grey)
    noise = rng.integers(0, 30, (height, width, 3), dtype=np.uint8)
    good, data = cv2.imencode(".jpg", noise + np.uint8(min(grey, 220)))
    assert good
    return data.tobytes()


def part(content: bytes) -> bytes:
    head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(content)}\r\n\r\n"
    return head.encode() + content + b"\r\n"


class MjpegServer:
    """Serves what is put into it to whoever is connected; the test is the camera.

    ``/`` is the stream, ``/secret`` wants the user ana with the password s3cret, ``/page`` is a web
    page, ``/silent`` answers with nothing at all.
    """

    def __init__(self, port: int = 0) -> None:
        self.clients: list[socket.socket] = []
        self.paths: list[str] = []
        self._changed = threading.Condition()
        camera = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *args: object) -> None:
                pass

            def do_GET(self) -> None:
                camera._serve(self)

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            allow_reuse_address = True

        self._server = Server(("127.0.0.1", port), Handler)
        self.port: int = self._server.server_address[1]
        self._ending = threading.Event()
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, name="mjpeg"
        )
        self._thread.start()

    def address(self, path: str = "/", credentials: str = "") -> str:
        return f"http://{credentials}127.0.0.1:{self.port}{path}"

    def wait_for_clients(self, number: int = 1) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.clients) >= number, 10)

    def send(self, *contents: bytes) -> None:
        """Send to every client, each part whole."""
        for client in self.clients:
            with contextlib.suppress(OSError):  # it may have left
                client.sendall(b"".join(contents))

    def hang_up(self) -> None:
        """Close every connection; new ones are welcome."""
        for client in self.clients:
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)
        self.clients.clear()

    def close(self) -> None:
        self._ending.set()
        self.hang_up()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    def _serve(self, request: http.server.BaseHTTPRequestHandler) -> None:
        self.paths.append(request.path)
        if request.path == "/silent":
            self._ending.wait(20)
            return
        if request.path == "/page":
            request.send_response(200)
            request.send_header("Content-Type", "text/html")
            request.end_headers()
            request.wfile.write(b"<html>the camera's page</html>")
            return
        if request.path == "/secret":
            if request.headers.get("Authorization") != "Basic YW5hOnMzY3JldA==":
                request.send_response(401)
                request.send_header("WWW-Authenticate", 'Basic realm="camera"')
                request.end_headers()
                return
        elif request.path != "/":
            request.send_error(404)
            return
        request.send_response(200)
        request.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        request.end_headers()
        request.wfile.flush()
        with self._changed:
            self.clients.append(request.connection)
            self._changed.notify_all()
        mine = request.connection
        while not self._ending.wait(0.02) and mine in self.clients:
            pass
        request.close_connection = True


def serving(port: int = 0) -> Iterator[MjpegServer]:
    server = MjpegServer(port)
    try:
        yield server
    finally:
        server.close()
