"""Core ML files in an interpreter of our own, which runs everywhere, and in Apple's own runtime, which needs macOS."""

from __future__ import annotations

import sys
import tempfile
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import threadpoolctl
from numpy.typing import NDArray

from ..errors import ExportFileError, UsageError, one_line
from ..model_file import coreml, package, read_file
from ..model_file.mil import program as programs
from ..system import keras_backend
from .mil import Interpreter
from .protocol import OnFace, Runtime, check_pictures

_CHUNK = 64
"""Faces after which a caller hears how many are done."""

_BGR = 30


class MilInterpreter(Runtime):
    """The program of a Core ML file in NumPy; several faces at once where the program allows it.

    model: the path of an .mlpackage or its packed bytes; its input is an image or an array [1, S, S, C] or [1, C, S, S]
        of 0..255, its output a classifier's probabilities or one array [1, K].

    Weights, quantisation, order of labels and scaling are those of the file. Apple's kernels are others: this says
    nothing of their rounding or speed.

    Raises ExportFileError for another kind of file, or an op that is not known, by its name.
    """

    name = "mil"

    def __init__(self, model: Path | bytes, threads: int = 1) -> None:
        content = read_file(model)
        program = programs.program_of(content)
        self.threads, self.version = threads, metadata.version("fer-export")
        self.input_shape, self._channels_first, self._reversed = _form(program, content)
        self._interpreter = Interpreter(program)
        self._labels: int | None = None

    @property
    def kernels(self) -> str:
        """NumPy's; Apple's were not run."""
        return f"NumPy {np.__version__}, not Apple's"

    def run(self, images: NDArray[np.uint8], on_face: OnFace = lambda done, total: None) -> NDArray[np.float32]:
        """uint8 [N, S, S, C] -> float32 probabilities [N, K]."""
        check_pictures(images, self.input_shape)
        if not len(images):
            return self._answers(np.zeros(self.input_shape, np.uint8))[:0]
        found = []
        # By default NumPy's products take every core, and threads that wait for each other take most of a busy one.
        with threadpoolctl.threadpool_limits(self.threads, user_api="blas"):
            for start in range(0, len(images), _CHUNK):
                found.append(self._answers(images[start : start + _CHUNK]))
                on_face(min(start + _CHUNK, len(images)), len(images))
        return np.concatenate(found)

    def _answers(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        given = images[..., ::-1] if self._reversed else images
        given = given.transpose(0, 3, 1, 2) if self._channels_first else given
        answers: NDArray[np.float32] = self._interpreter.run(np.ascontiguousarray(given, np.float32))
        return answers


class CoreMl(Runtime):
    """Apple's Core ML, through coremltools' prediction, faces one by one; macOS only, where it is the default.

    model: the path of an .mlpackage or its packed bytes, a classifier of one image.

    Raises UsageError elsewhere or without coremltools, ExportFileError where Core ML cannot run the file.
    """

    name = "coreml"

    def __init__(self, model: Path | bytes, threads: int = 1) -> None:
        if not installed():
            raise UsageError(
                "Core ML runs on macOS, with `pip install 'fer-export[coreml]'`; elsewhere use `runtime='mil'`"
            )
        content = read_file(model)
        program = programs.program_of(content)
        self.threads, self.version = threads, metadata.version("coremltools")
        self.input_shape, _, _ = _form(program, content)
        self._labels, description = program.labels, program.model.description
        self._given, self._probabilities = description.input[0].name, description.predictedProbabilitiesName
        if not description.input[0].type.HasField("imageType") or not self._labels:
            raise ExportFileError("the Core ML file is not a classifier of one image; pass one, or use `runtime='mil'`")
        self._folder = tempfile.TemporaryDirectory(prefix="fer-export-", suffix=".mlpackage")
        try:
            for name, each in package.unpacked(content).items():
                place = Path(self._folder.name, name)
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(each)
            with keras_backend.silenced():
                import coremltools

                self._model = coremltools.models.MLModel(self._folder.name)
        except Exception as error:  # Core ML's own come as many kinds
            self.close()
            raise ExportFileError(f"Core ML cannot load the file: {one_line(error)}") from error

    @property
    def kernels(self) -> str:
        """Apple's choice among processor, graphics and neural engine."""
        return "Core ML, all compute units"

    def run(self, images: NDArray[np.uint8], on_face: OnFace = lambda done, total: None) -> NDArray[np.float32]:
        """uint8 [N, S, S, C] -> float32 probabilities [N, K]."""
        check_pictures(images, self.input_shape)
        answers = np.zeros((len(images), len(self._labels)), np.float32)
        for number, face in enumerate(images):
            answers[number] = self._one(face)
            on_face(number + 1, len(images))
        return answers

    def close(self) -> None:
        """Remove the copy that Core ML reads; closing twice does nothing."""
        self._folder.cleanup()

    def _one(self, face: NDArray[np.uint8]) -> list[float]:
        from PIL import Image

        picture = Image.fromarray(face[..., 0] if face.shape[-1] == 1 else face)
        try:
            found: dict[str, Any] = self._model.predict({self._given: picture})
            return [float(found[self._probabilities][label]) for label in self._labels]
        except Exception as error:  # Core ML's own come as many kinds
            raise ExportFileError(f"Core ML cannot answer a face: {one_line(error)}") from error


def installed() -> bool:
    """Whether Apple's Core ML can be asked: on macOS, with coremltools."""
    import importlib.util

    return sys.platform == "darwin" and importlib.util.find_spec("coremltools") is not None


def _form(program: programs.Program, content: bytes) -> tuple[tuple[int, ...], bool, bool]:
    """[1, S, S, C], whether the program takes channels first, and whether it takes blue before red."""
    if len(program.inputs) != 1:
        raise ExportFileError(f"the Core ML file has {len(program.inputs)} inputs; pass a classifier with one")
    [given], [kind] = coreml.inspect(content).inputs, program.inputs.values()
    features = program.model.description.input
    image = features[0].type.imageType if features and features[0].type.HasField("imageType") else None
    inside = kind.shape
    if len(inside) != 4 or -1 in inside or len(given.shape) != 4:
        raise ExportFileError(f"the Core ML file's input is {list(inside)}; pass one with [1, S, S, C] or [1, C, S, S]")
    first = image is not None or inside[1] in (1, 3) and inside[3] not in (1, 3)
    shape = given.shape if image is not None or not first else (1, *inside[2:], inside[1])
    if first and (1, inside[1], *inside[2:]) != (1, shape[3], *shape[1:3]):
        raise ExportFileError("the Core ML file's image and the program's input differ in size; export it again")
    return tuple(shape), first, image is not None and image.colorSpace == _BGR
