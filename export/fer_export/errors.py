"""The exception tree: everything the package raises on purpose.

FerExportError              exit code 2: bad input or usage; the message says what is wrong, why, and what helps
├── UsageError              an invalid flag or argument
├── DataError               a data set that cannot be read or does not fit
├── CheckpointError         a network file that cannot be read, is not trusted or does not fit
├── ConversionError         a network that the format or precision cannot express
├── ExportFileError         an exported file that cannot be read or is not what it says
├── PhotoError              a photo that cannot be read
├── BundleError             a bundle, contract or manifest that is not what it says
│   └── DifferenceError     a file of a bundle that is not what its manifest or golden vectors say
├── DeviceError             a phone that cannot be reached, or an invalid self-check of one
├── TrainingError           a training run that cannot continue
└── OutputError             a place that cannot be written
"""

from .harmless import harmless


class FerExportError(Exception):
    """Base of all errors meant for the user. `str(error)` is one line that ends with what helps.

    Whatever a message quotes from a file or a library is shown harmless there.
    """

    def __str__(self) -> str:
        return harmless(super().__str__())


class UsageError(FerExportError):
    """An invalid flag or argument."""


class DataError(FerExportError):
    """A data set that cannot be read or does not fit the task."""


class CheckpointError(FerExportError):
    """A network file that cannot be read, is not trusted, or has an unsupported shape."""


class ConversionError(FerExportError):
    """A network that the asked format or precision cannot express."""


class ExportFileError(FerExportError):
    """An exported file that cannot be read or does not hold what it says."""


class PhotoError(FerExportError):
    """A photo that cannot be read, or is larger than memory allows."""


class PhotoSizeError(PhotoError):
    """A photo of more pixels than are accepted."""


class BundleError(FerExportError):
    """A bundle, or its contract or manifest, that is damaged, foreign or of a newer version."""


class DifferenceError(BundleError):
    """A file of a bundle that is not what the manifest or the golden vectors say."""


class DeviceError(FerExportError):
    """An invalid self-check, or a phone that cannot be reached."""


class TrainingError(FerExportError):
    """A training run that cannot continue: NaN, degenerate data, the folder of another run."""


class OutputError(FerExportError):
    """A file or folder that cannot be written (permission, full disk, in the way)."""


def one_line(reason: object) -> str:
    """A library's message without line breaks and harmless, cut to 300 characters."""
    return harmless(" ".join(str(reason).split()))[:300]
