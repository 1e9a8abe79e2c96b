"""Every TFLite precision of the default network on the whole PublicTest split.

python benchmarks/precisions.py fer2013.csv
"""

import sys
import tempfile
from pathlib import Path

from fer_export import checkpoint, exporting, readers, variants
from record import record


def main() -> None:
    network = checkpoint.load()
    with tempfile.TemporaryDirectory() as folder:
        result = exporting.export(
            network, "tflite", variants.precisions("tflite"), Path(folder), data=readers.read(sys.argv[1])
        )
    files = [{**file.to_dict(), "path": file.path.name} for file in result.files]
    record("precisions", {"network": network.name, "keras_bytes": network.bytes, "files": files})


if __name__ == "__main__":
    main()
