"""Latency and throughput of `fer-export serve` beside the report's way, and what malformed bodies do to it.

    python -m benchmarks.serve.load [SECONDS]

One run on the loopback address: 1, 8 and 64 connections send 1-megapixel JPEGs for SECONDS (default 10) each, a drawn
face in every one. The report's way is Flask with the Keras network in the process, one thread a request (needs the
package flask; left out without it); it is given the face's box, so its detector costs it nothing. Then 1,000 malformed
bodies: every answer must be a refusal, and the service must answer afterwards.
"""

import http.client
import io
import os
import subprocess
import sys
import threading
import time

import numpy as np
from benchmarks.record import record
from PIL import Image

from fer_export.bundle.golden.drawn_face import drawn_face

CONNECTIONS, MALFORMED, WIDE, HIGH, FACE = (1, 8, 64), 1000, 1250, 800, 500
FLASK = """
import io, sys
import numpy as np
from flask import Flask, jsonify, request
from PIL import Image
from fer_export.checkpoint import checkpoint
network = checkpoint.load("report-512-7")
app = Flask("report")
@app.post("/predict")
def predict():
    photo = Image.open(io.BytesIO(request.files["img"].read())).convert("L")
    face = np.asarray(photo.crop((60, 60, 560, 560)).resize((48, 48)))[None, ..., None]
    return jsonify(prediction=network.labels[int(network.predict(face)[0].argmax())])
app.run("127.0.0.1", int(sys.argv[1]), threaded=True)
"""


def photo() -> bytes:
    pixels = np.random.default_rng(1).integers(90, 160, (HIGH, WIDE, 3), dtype=np.uint8)
    pixels[60 : 60 + FACE, 60 : 60 + FACE] = drawn_face(FACE)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def form(content: bytes) -> tuple[bytes, dict[str, str]]:
    head = b'--edge\r\nContent-Disposition: form-data; name="img"; filename="a.jpg"\r\nContent-Type: image/jpeg\r\n\r\n'
    return head + content + b"\r\n--edge--\r\n", {"Content-Type": "multipart/form-data; boundary=edge"}


def post(connection: http.client.HTTPConnection, body: bytes, headers: dict[str, str]) -> int:
    connection.request("POST", "/predict", body, headers)
    answer = connection.getresponse()
    answer.read()
    return answer.status


def load(port: int, connections: int, seconds: float) -> dict:
    """Latencies in milliseconds over so many connections, each of which sends the next photo when it has its answer."""
    body, headers = form(photo())
    taken: list[float] = []
    refused: list[float] = []
    end = time.perf_counter() + seconds

    def client() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        while time.perf_counter() < end:
            started = time.perf_counter()
            status = post(connection, body, headers)
            (taken if status == 200 else refused).append(time.perf_counter() - started)

    started = time.perf_counter()
    threads = [threading.Thread(target=client) for _ in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    p50, p99 = np.percentile(taken, (50, 99)) * 1000 if taken else (0, 0)
    return {
        "connections": connections,
        "p50_ms": round(float(p50), 1),
        "p99_ms": round(float(p99), 1),
        "photos_per_second": round(len(taken) / (time.perf_counter() - started), 2),
        "refused": len(refused),
    }


def malformed(port: int) -> dict:
    """How many of the bodies got which answer, and whether a photo is answered afterwards."""
    draw, good = np.random.default_rng(2), form(photo())[0]
    types = ("multipart/form-data; boundary=edge", "multipart/form-data", "image/jpeg", "application/json", "")
    answers: dict[str, int] = {}
    for number in range(MALFORMED):
        body = bytearray(good[: int(draw.integers(0, 4000))])
        for place in draw.integers(0, max(1, len(body)), 20) if body else ():
            body[place] = int(draw.integers(0, 256))
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        status = str(post(connection, bytes(body), {"Content-Type": types[number % len(types)]}))
        connection.close()
        answers[status] = answers.get(status, 0) + 1
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    return {"bodies": MALFORMED, "answers": answers, "answered_afterwards": post(connection, *form(photo())) == 200}


def started(command: list[str], port: int) -> subprocess.Popen:
    """The service, once it answers photos."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    body, headers = form(photo())
    for _ in range(600):
        try:
            if post(http.client.HTTPConnection("127.0.0.1", port, timeout=60), body, headers) == 200:
                return process
        except OSError:
            time.sleep(0.2)
    process.kill()
    raise SystemExit(f"{command[:4]} did not start")


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 10.0
    port = 20000 + os.getpid() % 20000
    ours = started([sys.executable, "-m", "fer_export", "serve", "--port", str(port)], port)
    try:
        figures = {"serve": [load(port, count, seconds) for count in CONNECTIONS], "malformed": malformed(port)}
    finally:
        ours.terminate()
        ours.wait(60)
    try:
        import flask  # noqa: F401
    except ImportError:
        print("flask is not installed: the report's way is left out")
    else:
        theirs = started([sys.executable, "-c", FLASK, str(port + 1)], port + 1)
        try:
            figures["flask_keras"] = [load(port + 1, count, seconds) for count in CONNECTIONS]
        finally:
            theirs.terminate()
            theirs.wait(60)
    photo_of = f"{WIDE} x {HIGH} JPEG, {len(photo()) // 1000} kB"
    record("serve_load", {"photo": photo_of, "seconds": seconds, "stopped_with": ours.returncode, **figures})


if __name__ == "__main__":
    main()
