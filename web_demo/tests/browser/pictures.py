"""Writes photos of faces, and what Python finds in them, for the tests in a browser.

`python pictures.py BUNDLE OUT [FER2013.csv]`: 64 faces of PublicTest (without a data set: drawn ones) on larger,
coloured pictures, as PNG and as JPEG of all eight EXIF orientations, 4:4:4 and 4:2:0. Beside each photo lies what
Pillow decodes it to, as PNG; expected.json has boxes, crops and probabilities. camera.mjpeg shows a drawn face.
"""

from __future__ import annotations

import hashlib
import io
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from fer_export.bundle.folder import Bundle
from fer_export.bundle.golden.drawn_face import drawn_face
from fer_export.dataset import read as dataset
from fer_export.photo import crop
from fer_export.photo import read as photo
from fer_export.photo.detector import Detector
from fer_export.runtimes.litert import LiteRt

COUNT, WIDTH, HEIGHT, SIDE = 64, 320, 240, 150
TINTS = ((255, 225, 200), (255, 90, 60), (90, 255, 120), (120, 120, 255))
"""Skin, and strong colours."""


def faces(data: Path | None) -> list[np.ndarray]:
    """RGB uint8 [SIDE, SIDE, 3] each."""
    if data is None:
        moods = ("happy", "sad", "angry")
        drawn = [drawn_face(SIDE, mood=moods[at % 3], skin=("tan", "brown")[at % 2]) for at in range(6)]
        return [drawn[at % len(drawn)] for at in range(COUNT)]
    images = dataset.read(data).split("PublicTest").pixels[:COUNT].reshape(COUNT, 48, 48)
    grey = [np.asarray(Image.fromarray(one).resize((SIDE, SIDE), Image.Resampling.LANCZOS)) for one in images]
    return [(one[..., None] * (np.array(TINTS[at % 4]) / 255)).round().astype(np.uint8) for at, one in enumerate(grey)]


def scene(face: np.ndarray, at: int) -> Image.Image:
    """The face on a coloured slope, somewhere else in every picture."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    picture = np.stack([x * 255 // WIDTH, y * 255 // HEIGHT, (x + y + at * 20) % 256], axis=-1).astype(np.uint8)
    left, top = 10 + at * 13 % (WIDTH - SIDE - 20), 10 + at * 7 % (HEIGHT - SIDE - 20)
    picture[top : top + SIDE, left : left + SIDE] = face
    return Image.fromarray(picture)


def encoded(picture: Image.Image, at: int) -> tuple[str, bytes]:
    """Suffix and bytes: a quarter PNG, the others JPEG with the EXIF orientation that turns them upright again."""
    content = io.BytesIO()
    if at % 4 == 0:
        picture.save(content, "PNG")
        return "png", content.getvalue()
    orientation = 1 + at % 8
    undone = {2: "FLIP_LEFT_RIGHT", 3: "ROTATE_180", 4: "FLIP_TOP_BOTTOM", 5: "TRANSPOSE"}
    undone |= {6: "ROTATE_90", 7: "TRANSVERSE", 8: "ROTATE_270"}
    if orientation > 1:
        picture = picture.transpose(Image.Transpose[undone[orientation]])
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture.save(content, "JPEG", quality=90, subsampling=2 if at % 3 else 0, exif=exif)
    return "jpg", content.getvalue()


def main(bundle_folder: Path, output: Path, data: Path | None) -> None:
    bundle = Bundle.open(bundle_folder)
    detector, runtime = Detector(bundle.contract, bundle.detectors), LiteRt(bundle.default.read_bytes())
    output.mkdir(parents=True, exist_ok=True)
    expected: list[dict[str, Any]] = []
    for at, face in enumerate(faces(data)):
        suffix, content = encoded(scene(face, at), at)
        path = output / f"{at:02}.{suffix}"
        path.write_bytes(content)
        pixels = photo.read(path)
        Image.fromarray(pixels).save(output / f"{at:02}.pillow.png")
        found = []
        for one in detector.faces(pixels):
            gray = crop.face(pixels, one.box, bundle.contract)
            box = one.box
            found.append(
                {
                    "box": [box.left, box.top, box.right, box.bottom],
                    "gray": hashlib.sha256(gray.tobytes()).hexdigest(),
                    "probabilities": runtime.run(gray[None])[0].tolist(),
                }
            )
        digest = hashlib.sha256(pixels.tobytes()).hexdigest()
        expected.append({"file": path.name, "decoded": f"{at:02}.pillow.png", "pixels": digest, "faces": found})
    (output / "expected.json").write_text(json.dumps(expected))
    camera(output / "camera.mjpeg")


def camera(path: Path) -> None:
    """Some pictures of a drawn face that moves a little, as a camera gives them: JPEG after JPEG."""
    with path.open("wb") as file:
        for step in range(30):
            picture = Image.new("RGB", (640, 480), (173, 190, 204))
            picture.paste(Image.fromarray(drawn_face(320, mood="happy")), (150 + 2 * abs(15 - step), 80))
            picture.save(file, "JPEG", quality=92)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]) if len(sys.argv) > 3 else None)
