"""Latency and throughput of `fer-export serve` beside the report's way, and what malformed bodies do to it.

    python -m benchmarks.serve.load [SECONDS]

One run on the loopback address: 1, 8 and 64 connections send 1-megapixel JPEGs for SECONDS (default 10) each, a drawn
face in every one. The report's way is Flask with the Keras network in the process, one thread a request (needs the
package flask; left out without it); it is given the face's box, so its detector costs it nothing. Then 1,000 malformed
bodies, after which the service must answer, and a worker that is killed under load. Needs Linux's /proc.
"""

import http.client
import io
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

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


def connected(port: int) -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", port, timeout=120)


def load(port: int, connections: int, seconds: float, meanwhile: Callable[[], None] | None = None) -> dict:
    """Latencies in milliseconds over so many connections, each of which sends the next photo when it has its answer.

    meanwhile: called once a third of the time is over.
    """
    body, headers = form(photo())
    taken: list[float] = []
    refused: list[int] = []
    lost: list[str] = []
    end = time.perf_counter() + seconds

    def client() -> None:
        connection = connected(port)
        while time.perf_counter() < end:
            started = time.perf_counter()
            try:
                status = post(connection, body, headers)
            except (OSError, http.client.HTTPException) as error:
                lost.append(repr(error))
                connection = connected(port)
                continue
            if status == 200:
                taken.append(time.perf_counter() - started)
            else:
                refused.append(status)

    started = time.perf_counter()
    threads = [threading.Thread(target=client) for _ in range(connections)]
    for thread in threads:
        thread.start()
    if meanwhile:
        time.sleep(seconds / 3)
        meanwhile()
    for thread in threads:
        thread.join()
    passed = time.perf_counter() - started
    p50, p99 = np.percentile(taken, (50, 99)) * 1000 if taken else (0, 0)
    return {
        "connections": connections,
        "p50_ms": round(float(p50), 1),
        "p99_ms": round(float(p99), 1),
        "photos_per_second": round(len(taken) / passed, 2),
        "answered": len(taken),
        "refused": sorted(refused),
        "lost": lost,
    }


def malformed(port: int) -> dict:
    """How many bodies got which answer, and whether a photo is answered afterwards.

    Forms and photos with changed bytes, most of them cut off, under a right, a wrong or no content type.
    """
    draw, good = np.random.default_rng(2), (form(photo())[0], photo())
    types = ("multipart/form-data; boundary=edge", "multipart/form-data", "image/jpeg", "application/json", "")
    answers: dict[str, int] = {}
    for number in range(MALFORMED):
        whole = good[number % 2]
        body = bytearray(whole if number % 10 == 0 else whole[: int(draw.integers(0, 4000))])
        for place in draw.integers(0, min(1000, len(body)), 20) if body else ():
            body[place] = int(draw.integers(0, 256))
        connection = connected(port)
        try:
            status = str(post(connection, bytes(body), {"Content-Type": types[number % len(types)]}))
        except (OSError, http.client.HTTPException) as error:
            status = type(error).__name__
        connection.close()
        answers[status] = answers.get(status, 0) + 1
    return {
        "bodies": MALFORMED,
        "answers": answers,
        "answered_afterwards": post(connected(port), *form(photo())) == 200,
    }


def killed(port: int, service: subprocess.Popen, seconds: float) -> dict:
    """8 connections under load while one worker is killed: how many answers that costs."""
    workers = [pid for pid in family(service.pid) if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    found = load(port, 8, seconds, lambda: os.kill(workers[0], signal.SIGKILL))
    return {"workers": len(workers), **{name: found[name] for name in ("answered", "refused", "lost")}}


def family(pid: int) -> list[int]:
    """The process and all that it started."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(each for child in children for each in family(int(child)))]


def memory_of(pid: int) -> int:
    """MB of a process and all that it started; what they share is counted once."""
    lines = [Path(f"/proc/{each}/smaps_rollup").read_text() for each in family(pid)]
    return sum(int(line.split()[1]) for text in lines for line in text.splitlines() if line.startswith("Pss:")) // 1000


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
        figures = {"serve": [load(port, count, seconds) for count in CONNECTIONS], "serve_mb": memory_of(ours.pid)}
        figures["malformed"], figures["killed"] = malformed(port), killed(port, ours, seconds)
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
            figures["flask_keras_mb"] = memory_of(theirs.pid)
        finally:
            theirs.terminate()
            theirs.wait(60)
        figures["flask"] = metadata.version("flask")
    photo_of = f"{WIDE} x {HIGH} JPEG, {len(photo()) // 1000} kB"
    record("serve_load", {"photo": photo_of, "seconds": seconds, "stopped_with": ours.returncode, **figures})


if __name__ == "__main__":
    main()
