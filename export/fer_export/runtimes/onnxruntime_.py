"""onnxruntime in this process, on the CPU."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ExportFileError, one_line
from ..model_file import read_file
from ..photo import Frame
from ..system import keras_backend, machine
from .face_queue import FaceQueue, Given, usual
from .protocol import OnFace, Runtime, check_frame, check_pictures

_INPUT_TYPES = {"tensor(uint8)": np.uint8, "tensor(float)": np.float32}
_OUTPUT_TYPES = ("tensor(float)", "tensor(float16)")
_FATAL = 4
"""onnxruntime's log level that silences it."""


class OnnxRuntime(Runtime):
    """onnxruntime with its CPU provider, faces one by one (batch 1).

    model: the path of an .onnx file or its bytes; its input is the bytes of the contract, uint8 or float32 [1, S, S,
        C], or a frame, uint8 [1, H, W, 3] of free size, and a box, int32 [4]; its output float32 or float16 [1, K]; a
        batch of free size counts as 1.

    Raises ExportFileError when onnxruntime cannot load the file, or its inputs or output differ.
    """

    name = "onnxruntime"

    def __init__(self, model: Path | bytes, threads: int = 1) -> None:
        content = read_file(model)
        with keras_backend.silenced():
            import onnxruntime
        self.version = onnxruntime.__version__
        self.threads = threads
        self.session = self._open(content)
        given, box, result = _ends(self.session)
        self._names = (given.name, box.name) if box else (given.name,)
        self._result = result.name
        self._pace: float | None = None
        self._type = _INPUT_TYPES[given.type]
        self._labels = result.shape[1]
        self.takes_frames = box is not None
        self.input_shape = (1, *(size if isinstance(size, int) else -1 for size in given.shape[1:]))

    @property
    def kernels(self) -> str:
        """MLAS, onnxruntime's own kernels, and the provider that holds them."""
        return f"MLAS ({', '.join(self.session.get_providers())})"

    def run(self, images: NDArray[np.uint8], on_face: OnFace = lambda done, total: None) -> NDArray[np.float32]:
        """uint8 [N, S, S, C] -> float32 probabilities [N, K]."""
        check_pictures(images, self.input_shape)
        faces = np.ascontiguousarray(images, dtype=self._type)
        return self._answers(lambda i: (faces[i : i + 1],), len(faces), on_face)

    def run_frames(self, frames: Sequence[Frame], on_face: OnFace = lambda done, total: None) -> NDArray[np.float32]:
        """Pictures of any size with a box each -> float32 probabilities [N, K]."""
        if not self.takes_frames:
            return super().run_frames(frames)

        def given(i: int) -> Given:
            frame = frames[i]
            check_frame(frame)
            return frame.photo[None], frame.clamped

        return self._answers(given, len(frames), on_face)

    def answer(self, given: Given) -> NDArray[Any]:
        """Inputs of one inference -> output [K]; several threads may ask at once."""
        try:
            (answer,) = self.session.run([self._result], dict(zip(self._names, given, strict=True)))
        except Exception as error:  # onnxruntime's own errors have no base class but this
            raise self._refusal(error) from error
        return answer[0]  # type: ignore[no-any-return]

    def _answers(self, given: Callable[[int], Given], count: int, on_face: OnFace) -> NDArray[np.float32]:
        """Float32 [N, K]; threads share the session where one would take long, which changes no answer."""
        queue = FaceQueue(given, np.zeros((count, self._labels), np.float32))

        def side_by_side(seconds_left: float) -> list[OnnxRuntime]:
            return [self] * usual(seconds_left, self.threads)

        self._pace = queue.answer_all(self, side_by_side, on_face, self._pace)
        return queue.stored

    def _open(self, content: bytes) -> Any:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = self.threads, 1
        options.log_severity_level = _FATAL
        if not machine.int8_instructions():
            # int8 sums overflow on x86 processors without VNNI otherwise; where they do not, it only costs speed.
            options.add_session_config_entry("session.x64quantprecision", "1")
        try:
            with keras_backend.silenced():
                return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # as above
            raise self._refusal(error) from error

    def _refusal(self, error: Exception) -> ExportFileError:
        reason = one_line(error).removeprefix("[ONNXRuntimeError] : ")
        return ExportFileError(f"onnxruntime {self.version} cannot run the file: {reason}")


def _ends(session: Any) -> tuple[Any, Any, Any]:
    """Image, box or None, and output (name, type, shape), if they are a classifier's of one picture."""
    inputs, outputs = session.get_inputs(), session.get_outputs()
    box = next((end for end in inputs if (end.type, end.shape) == ("tensor(int32)", [4])), None)
    inputs = [end for end in inputs if end is not box]
    if len(inputs) != 1 or len(outputs) != 1:
        raise ExportFileError(
            f"the file has {len(inputs)} inputs and {len(outputs)} outputs; "
            "pass an emotion classifier with one input and one output"
        )
    given, result = inputs[0], outputs[0]
    frame = box is not None and (given.type, given.shape[3:]) == ("tensor(uint8)", [3])
    if given.type not in _INPUT_TYPES or len(given.shape) != 4 or not (frame or _sized(given.shape)):
        raise ExportFileError(f"the file's input is {_words(given)}; pass one with uint8 or float32 [1, S, S, C]")
    if given.shape[1] in (1, 3) and given.shape[3] not in (1, 3):
        raise ExportFileError(
            f"the file's input is {_words(given)}, channels first (NCHW); pass one with channels last [1, S, S, C], "
            "as `export()` writes it"
        )
    if result.type not in _OUTPUT_TYPES or len(result.shape) != 2 or not _sized(result.shape):
        raise ExportFileError(f"the file's output is {_words(result)}; pass one with float32 probabilities [1, K]")
    return given, box, result


def _sized(shape: list[Any]) -> bool:
    """A batch of 1 or of free size, every other dimension fixed. Free ones are a name or None."""
    return (shape[0] == 1 or not isinstance(shape[0], int)) and all(isinstance(size, int) for size in shape[1:])


def _words(end: Any) -> str:
    sizes = ", ".join(str(size) if isinstance(size, int) else "?" for size in end.shape)
    kind = end.type.removeprefix("tensor(").removesuffix(")")
    return f"{'float32' if kind == 'float' else kind} [{sizes}]"
