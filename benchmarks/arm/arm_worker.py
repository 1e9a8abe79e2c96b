"""The process that arm_parity.py starts on this machine and on every emulated one: some files, all faces.

    python arm_worker.py FACES.npy FOLDER MODEL...

MODEL: an exported file of grey or RGB faces; FACES: uint8 [N, S, S, 1]. Says on stdout, file by file, as a line of
JSON, what answered and which .npy in FOLDER holds the answers, float32 [N, K], or the error. The kernels are those that
an app gets: no option of the runtime is set.
"""

import json
import os
import platform
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_export.dataset.pixels import as_input
from fer_export.errors import FerExportError
from fer_export.runtimes import LiteRt, OnnxRuntime
from fer_export.system import machine


def answer(model: Path, faces: NDArray[np.uint8], answers: Path) -> dict[str, Any]:
    runtime = LiteRt(model, workers=1) if model.suffix == ".tflite" else OnnxRuntime(model)
    with runtime:
        np.save(answers, runtime.run(as_input(faces, runtime.input_shape[-1])))
        return {
            "answers": answers.name,
            "machine": platform.machine(),
            "instructions": list(machine.int8_instructions()),
            "python": platform.python_version(),
            "libc": os.confstr("CS_GNU_LIBC_VERSION"),
            "runtime": f"{runtime.name} {runtime.version}",
            "kernels": runtime.kernels,
        }


def main(faces: Path, folder: Path, *models: Path) -> None:
    given = np.load(faces)
    for number, model in enumerate(models):
        try:
            found = answer(model, given, folder / f"{len(models)}-{number}.npy")
        except FerExportError as error:
            found = {"error": str(error)}
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
