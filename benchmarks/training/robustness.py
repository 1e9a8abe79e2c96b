"""Networks on PublicTest faces that are blurred, compressed, dark, small, turned or behind glasses.

    python -m benchmarks.training.robustness fer2013.csv --votes fer2013new.csv [--models compact-7,...] [--faces N]

Faces are judged by FER+'s majority among the seven emotions that every network knows; an answer `contempt` counts for
the next best. Each change is applied to the 48x48 grey face, as it would reach the network, and has several strengths.
The curves are drawn into results/robustness.png.
"""

import argparse
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from benchmarks.record import RESULTS, record
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from fer_export.checkpoint import Checkpoint, checkpoint, shipped
from fer_export.dataset import fit, votes
from fer_export.dataset import read as readers
from fer_export.dataset.emotions import FER2013
from fer_export.parity.statistics import Proportion

Change = Callable[[Image.Image, float, np.random.Generator], Image.Image]
NAME, SIDE, NOISE = "robustness", 48, 4.0


class Curve(NamedTuple):
    """A kind of change."""

    change: Change
    """Of a grey picture, by a strength."""

    strengths: tuple[float, ...]
    """In the order of the curve."""

    unit: str
    """Of the strengths."""


def blurred(face: Image.Image, sigma: float, rng: np.random.Generator) -> Image.Image:
    return face.filter(ImageFilter.GaussianBlur(sigma))


def compressed(face: Image.Image, quality: float, rng: np.random.Generator) -> Image.Image:
    buffer = io.BytesIO()
    face.save(buffer, "JPEG", quality=int(quality))
    return Image.open(buffer).convert("L")


def dark(face: Image.Image, share: float, rng: np.random.Generator) -> Image.Image:
    """Less light, and the noise of a sensor that then shows."""
    levels = np.asarray(face, np.float32) * share + rng.normal(0, NOISE, (face.height, face.width))
    return Image.fromarray(np.clip(np.rint(levels), 0, 255).astype(np.uint8))


def small(face: Image.Image, side: float, rng: np.random.Generator) -> Image.Image:
    """As a face of so many pixels is enlarged."""
    return face.resize((int(side),) * 2, Image.Resampling.BOX).resize(face.size, Image.Resampling.BILINEAR)


def turned(face: Image.Image, degrees: float, rng: np.random.Generator) -> Image.Image:
    """Turned, with the border continued."""
    wide = Image.fromarray(np.pad(np.asarray(face), SIDE // 4, mode="edge"))
    margin = SIDE // 4
    return wide.rotate(degrees, Image.Resampling.BILINEAR).crop((margin, margin, margin + SIDE, margin + SIDE))


def behind_glasses(face: Image.Image, width: float, rng: np.random.Generator) -> Image.Image:
    """Dark frames of so many pixels where FER2013's eyes mostly are; filled from 6 on, as sunglasses."""
    covered = face.copy()
    draw = ImageDraw.Draw(covered)
    for left in (8, 26):
        box = (left, 13, left + 14, 24)
        draw.ellipse(box, fill=20 if width >= 6 else None, outline=20, width=int(width))
    draw.line((22, 18, 26, 18), fill=20, width=max(1, int(width) // 2))
    return covered


CURVES = {
    "blur": Curve(blurred, (0.5, 1, 1.5, 2, 3), "sigma, pixels"),
    "JPEG": Curve(compressed, (50, 30, 20, 10, 5), "quality"),
    "low light": Curve(dark, (0.5, 0.35, 0.2, 0.1), "share of the light"),
    "small faces": Curve(small, (32, 24, 20, 16), "pixels"),
    "rotation": Curve(turned, (-20, -10, 10, 20), "degrees"),
    "glasses": Curve(behind_glasses, (1, 2, 3, 6), "pixels of frame; 6: sunglasses"),
}


def changed(faces: NDArray[np.uint8], curve: Curve, strength: float) -> NDArray[np.uint8]:
    """Faces uint8 [N, 48, 48, 1] under a change."""
    rng = np.random.default_rng(0)
    return np.stack([np.asarray(curve.change(Image.fromarray(face[..., 0]), strength, rng)) for face in faces])[
        ..., None
    ]


def accuracy(network: Checkpoint, faces: NDArray[np.uint8], emotions: NDArray[np.int64]) -> dict[str, Any]:
    """Of the best answer among FER2013's seven emotions; emotions: [N], numbers in FER2013."""
    columns = [network.labels.index(name) for name in FER2013]
    best = network.predict(fit(faces, network.size))[:, columns].argmax(axis=1)
    return Proportion(int((best == emotions).sum()), len(emotions)).to_dict()


def main() -> None:
    parser = argparse.ArgumentParser(description="Networks on faces that are harder to see.")
    parser.add_argument("data", type=Path)
    parser.add_argument("--votes", type=Path, required=True)
    parser.add_argument("--models", default=",".join(n for n in shipped.shipped_names() if not n.endswith("-6")))
    parser.add_argument("--faces", type=int, default=1500, help="PublicTest faces (default 1500)")
    options = parser.parse_args()
    data = votes.with_votes(readers.read(options.data), options.votes)
    faces, emotions = data.split("PublicTest").for_labels(FER2013)
    sample = np.sort(np.random.default_rng(0).permutation(len(emotions))[: options.faces])
    pixels, emotions = faces.pixels[sample], np.asarray(emotions)[sample]
    networks = {name: checkpoint.load(name) for name in options.models.split(",")}
    given = {
        (kind, strength): changed(pixels, curve, strength)
        for kind, curve in CURVES.items()
        for strength in curve.strengths
    }
    found = {
        name: {
            "as they are": accuracy(network, pixels, emotions),
            **{
                kind: {f"{s:g}": accuracy(network, given[kind, s], emotions) for s in curve.strengths}
                for kind, curve in CURVES.items()
            },
        }
        for name, network in networks.items()
    }
    units = {kind: curve.unit for kind, curve in CURVES.items()}
    record(NAME, {"faces": len(emotions), "labels": "FER+ majority, seven emotions", "units": units, "networks": found})
    (RESULTS / f"{NAME}.png").write_bytes(drawn(found))


def drawn(found: dict[str, Any]) -> bytes:
    """The curves as a PNG picture."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 6.2), dpi=100, layout="constrained")
    for axes, (kind, curve) in zip(figure.subplots(2, 3, sharey=True).flat, CURVES.items(), strict=True):
        for name, rows in found.items():
            values = [rows["as they are"], *rows[kind].values()]
            axes.plot([100 * value["value"] for value in values], marker="o", markersize=3, label=name)
        axes.set_xticks(range(len(curve.strengths) + 1), ["none", *(f"{s:g}" for s in curve.strengths)])
        axes.set_title(f"{kind} ({curve.unit})", fontsize=10)
        axes.grid(alpha=0.3)
    figure.axes[0].set_ylabel("accuracy, %")
    figure.axes[3].set_ylabel("accuracy, %")
    figure.axes[0].legend(fontsize=8, loc="lower left")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


if __name__ == "__main__":
    main()
