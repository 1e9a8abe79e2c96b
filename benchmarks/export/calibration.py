"""int8 calibrated on probe faces against int8 calibrated on real Training faces, judged on PublicTest.

    python -m benchmarks.export.calibration fer2013.csv

For every shipped network: Keras, int8 from probe faces, int8 from three seeds of 300 Training faces.
"""

import sys
import tempfile
from pathlib import Path

from benchmarks.record import record

from fer_export.checkpoint import checkpoint, shipped
from fer_export.dataset import read as readers
from fer_export.exporting import Options
from fer_export.exporting import export as exporting
from fer_export.parity import judge


def main() -> None:
    data = readers.read(sys.argv[1])
    figures = {}
    for name in shipped.shipped_names():
        network = checkpoint.load(name)
        with tempfile.TemporaryDirectory() as folder:
            probed = exporting.export(network, "tflite", ["int8"], Path(folder) / "probe")
            [(_, judged)] = judge.judge_files([probed.files[0].path], network, data=data).files
            probe_parity = judged.parity
            real = [
                exporting.export(
                    network,
                    "tflite",
                    ["int8"],
                    Path(folder) / str(seed),
                    data=data,
                    options=Options(seed=seed),
                )
                .files[0]
                .parity
                for seed in (1, 2, 3)
            ]
        accuracies = [judged.file_accuracy.value for judged in real if judged.file_accuracy]
        probe_accuracy = probe_parity.file_accuracy.value if probe_parity.file_accuracy else float("nan")
        figures[name] = {
            "keras_accuracy": round(probe_parity.keras_accuracy.value, 5) if probe_parity.keras_accuracy else None,
            "probe_faces": {"accuracy": round(probe_accuracy, 5), "agreement": round(probe_parity.agreement.value, 4)},
            "training_faces": {
                "accuracy": [round(accuracy, 5) for accuracy in accuracies],
                "agreement": [round(judged.agreement.value, 4) for judged in real],
            },
            "probe_minus_real_points": round(100 * (probe_accuracy - sum(accuracies) / len(accuracies)), 2),
        }
    record("calibration", {"split": "PublicTest", "networks": figures})


if __name__ == "__main__":
    main()
