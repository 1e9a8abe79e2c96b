"""The service over its own addresses, with a real worker process and drawn faces."""

import io
import os
import signal
import time

import numpy as np
import pytest
from PIL import Image

from fer_export.bundle.golden.drawn_face import drawn_face
from fer_export.errors import UsageError
from fer_export.predict.source import PipelineSource
from fer_export.serve import run

starlette_testing = pytest.importorskip("starlette.testclient")
from fer_export.serve.application import Limits, application  # noqa: E402
from fer_export.serve.workers import Workers  # noqa: E402

LIMITS = Limits(body=200_000, pixels=400_000)


def encoded(pixels, kind="PNG"):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind)
    return buffer.getvalue()


FACE = encoded(drawn_face(200))
NOBODY = encoded(np.full((80, 60, 3), 128, np.uint8))


def workers():
    return Workers(PipelineSource(), 1, most_pixels=LIMITS.pixels, seconds=60)


@pytest.fixture(scope="module")
def client():
    with starlette_testing.TestClient(application(workers(), LIMITS), raise_server_exceptions=False) as opened:
        yield opened


def test_the_reports_form_is_answered_with_its_names(client):
    answer = client.post("/predict", files={"img": ("a.png", FACE, "image/png")})
    assert answer.status_code == 200
    found = answer.json()
    assert found["prediction"] in {"Angry", "Disgust", "Fear", "Joy", "Sadness", "Surprise", "Neutral"}
    (face,) = found["faces"]
    assert sum(face["probabilities"].values()) == pytest.approx(1, abs=0.02)
    assert client.post("/predict", content=FACE).json() == found


def test_a_photo_without_a_face_is_an_answer(client):
    answer = client.post("/predict", files={"img": NOBODY})
    assert (answer.status_code, answer.json()["prediction"], answer.json()["faces"]) == (200, None, [])


@pytest.mark.parametrize(
    ("request_", "status", "words"),
    [
        ({"content": b"no photo"}, 422, "is not a picture"),
        ({"content": b""}, 422, "no body"),
        ({"content": FACE[:300]}, 422, "cannot be read"),
        ({"files": {"other": FACE}}, 422, "no field img"),
        ({"files": {"img": b""}}, 422, "is not a picture"),
        ({"data": {"img": "words"}}, 422, "is not a picture"),
        ({"content": b"--x\r\nwrong", "headers": {"content-type": "multipart/form-data; boundary=x"}}, 422, "form"),
        ({"content": b"x", "headers": {"content-type": "multipart/form-data"}}, 422, "form cannot be read"),
        ({"content": bytes(200_001)}, 413, "more than 0.2 MB"),
        ({"content": encoded(np.zeros((700, 700), np.uint8))}, 413, "700 x 700 pixels"),
    ],
)
def test_what_is_not_a_photo_is_refused_in_one_line(client, request_, status, words):
    answer = client.post("/predict", **request_)
    assert answer.status_code == status
    assert words in answer.json()["error"]
    assert client.get("/healthz").status_code == 200


def test_a_body_of_unknown_length_is_cut_off_at_the_limit(client):
    def endless():
        for _ in range(30):
            yield bytes(10_000)

    assert client.post("/predict", content=endless()).status_code == 413


def test_malformed_bodies_never_give_a_500(client):
    draw = np.random.default_rng(1)
    kinds = ["multipart/form-data; boundary=b", "multipart/form-data; boundary=", "image/jpeg", "", "text/plain"]
    form = b'--b\r\ncontent-disposition: form-data; name="img"; filename="a"\r\n\r\n' + FACE + b"\r\n--b--\r\n"
    for number in range(60):
        body = bytearray(form if number % 2 else FACE)
        for at in draw.integers(0, len(body), 8):
            body[at] = draw.integers(0, 256)
        body = bytes(body[: draw.integers(1, len(body))])
        answer = client.post("/predict", content=body, headers={"content-type": kinds[number % len(kinds)]})
        assert answer.status_code in (200, 413, 422)


def test_the_other_addresses(client):
    page = client.get("/")
    assert "text/html" in page.headers["content-type"]
    assert 'name="viewport"' in page.text
    assert client.get("/contract").json()["labels"][0] == "angry"
    assert client.get("/predict").status_code == 405
    assert client.get("/nothing").status_code == 404
    crossed = client.get("/healthz", headers={"origin": "http://elsewhere"})
    assert "access-control-allow-origin" not in crossed.headers


def test_a_killed_worker_loses_one_answer_at_most(client):
    def pid():
        held = client.app.state.workers
        return held.pids()[0]

    before = pid()
    os.kill(before, signal.SIGKILL)
    time.sleep(0.2)
    codes = [client.post("/predict", content=NOBODY).status_code for _ in range(3)]
    assert codes.count(503) <= 1
    assert codes[-1] == 200
    assert pid() != before


def test_a_photo_that_takes_too_long_is_given_up_and_the_next_is_answered(tmp_path):
    slow = Workers(PipelineSource(), 1, most_pixels=LIMITS.pixels, seconds=0.001)
    with starlette_testing.TestClient(application(slow, LIMITS)) as opened:
        answer = opened.post("/predict", content=FACE)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")


def test_a_queue_that_is_full_turns_photos_away():
    full = Workers(PipelineSource(), 1, most_pixels=LIMITS.pixels, waiting=0)
    with starlette_testing.TestClient(application(full, LIMITS)) as opened:
        assert opened.post("/predict", content=FACE).status_code == 503


def test_a_folder_with_a_page_takes_the_place_of_the_built_in_one(tmp_path):
    (tmp_path / "index.html").write_text("<p>mine</p>")
    with starlette_testing.TestClient(application(workers(), LIMITS, tmp_path)) as opened:
        assert opened.get("/").text == "<p>mine</p>"
        assert opened.get("/healthz").json() == {"status": "ok"}


def test_what_is_missing_is_said_before_anything_starts(tmp_path, monkeypatch):
    with pytest.raises(UsageError, match=r"has no index\.html"):
        run.serve(PipelineSource(), page=tmp_path)
    monkeypatch.setattr(run, "NEEDED", ("no_such_package_here",))
    with pytest.raises(UsageError, match=r"pip install 'fer-export\[serve\]'"):
        run.serve(PipelineSource())
