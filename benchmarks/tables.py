"""Puts the recorded figures into the README files, between <!-- name --> and <!-- /name -->.

    python -m benchmarks.tables

A block may stand in any README.md of the repository's top or of a folder below it. tests/benchmarks/test_readme.py
fails when a README does not show what benchmarks/results/ and models/ hold.
"""

import re
from collections.abc import Callable
from pathlib import Path

from .blocks import devices, exports, first_page, others, peers, photos, speed, svm, training, words

BLOCK = re.compile(r"(<!-- ([a-z0-9-]+) -->\n).*?(<!-- /\2 -->)", re.DOTALL)
BLOCKS: dict[str, Callable[[], str]] = {
    "first-run": first_page.first_run,
    "ship": first_page.ship,
    "accuracy": first_page.accuracy,
    "variants": exports.variants,
    "runtimes": speed.runtimes,
    "repair": exports.repair,
    "int8-steps": exports.int8_steps,
    "calibration": exports.calibration,
    "peers": peers.peers,
    "layers": words.once_recorded("layers_table", others.layers),
    "network-printouts": words.once_recorded("network_printouts", others.network_printouts),
    "faults": words.once_recorded("faults", others.faults),
    "int8-networks": words.once_recorded("int8_networks", others.int8_networks),
    "networks": training.networks,
    "labels-and-photos": training.labels_and_photos,
    "shifts": words.once_recorded("photos_accuracy", training.shifts),
    "losses": words.once_recorded("losses", training.losses),
    "front": training.front,
    "robustness": words.once_recorded("robustness", training.robustness),
    "speed": speed.speed,
    "main-job": words.once_recorded("main_job", speed.main_job),
    "crop-margin": photos.crop_margin,
    "group-faces": photos.group_faces,
    "photo-faces": words.once_recorded("merging", photos.merging),
    "alignment": photos.alignment,
    "predict-timings": words.once_recorded("predict_timings", photos.predict_timings),
    "serve-load": words.once_recorded("serve_load", photos.serve_load),
    "apk-size": devices.apk_size,
    "browser": devices.browser,
    "arm-parity": devices.arm_parity,
    "arm-instructions": words.once_recorded("arm_instructions", devices.arm_instructions),
    "report-table": training.report_table,
    "svm-table": svm.svm_table,
    "svm-files": svm.svm_files,
}


def pages() -> list[Path]:
    """Every README.md that may hold a block."""
    return [words.ROOT / "README.md", *sorted(words.ROOT.glob("*/README.md"))]


def rendered(text: str) -> str:
    """A README's text with every block made anew."""
    return BLOCK.sub(lambda found: f"{found[1]}\n{BLOCKS[found[2]]()}\n\n{found[3]}", text)


if __name__ == "__main__":
    for page in pages():
        page.write_text(rendered(page.read_text()))
