"""The README's picture: what `fer-export predict --annotate` draws on a portrait in the public domain.

    python -m benchmarks.photo.portrait

The portrait is the one of the golden photos in its full size (bundle/golden/photos.py says whose it is). The drawing
becomes a JPEG, which is a tenth of the PNG that the command writes.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import matplotlib
from PIL import Image

PORTRAIT = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"
PICTURE = Path(__file__).parents[1] / "results" / "portrait.jpg"


def draw(picture: Path) -> None:
    """Run the command in a process of its own, as a user runs it, and write its drawing as a JPEG."""
    with tempfile.TemporaryDirectory() as folder:
        drawn = Path(folder) / "portrait.png"
        command = [sys.executable, "-m", "fer_export", "predict", str(PORTRAIT), "--annotate", str(drawn)]
        subprocess.run(command, check=True)
        with Image.open(drawn) as image:
            image.convert("RGB").save(picture, quality=85, optimize=True)


if __name__ == "__main__":
    draw(PICTURE)
    print(f"written: {PICTURE}")
