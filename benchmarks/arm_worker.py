"""The process that arm_parity.py starts on this machine and on every emulated one: one file, all faces.

    python arm_worker.py MODEL FACES.npy ANSWERS.npy

MODEL: an exported file of grey or RGB faces; FACES: uint8 [N, S, S, 1]; ANSWERS: float32 [N, K]. Says on stdout, as
one line of JSON, what answered. The kernels are those that an app gets: no option of the runtime is set.
"""

import json
import os
import platform
import sys
from pathlib import Path

import numpy as np

from fer_export import machine
from fer_export.faces import as_input
from fer_export.runtimes import LiteRt, OnnxRuntime


def main(model: Path, faces: Path, answers: Path) -> None:
    runtime = LiteRt(model, workers=1) if model.suffix == ".tflite" else OnnxRuntime(model)
    with runtime:
        np.save(answers, runtime.run(as_input(np.load(faces), runtime.input_shape[-1])))
        found = {
            "machine": platform.machine(),
            "instructions": list(machine.int8_instructions()),
            "python": platform.python_version(),
            "libc": os.confstr("CS_GNU_LIBC_VERSION"),
            "runtime": f"{runtime.name} {runtime.version}",
            "kernels": runtime.kernels,
        }
    print(json.dumps(found))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
