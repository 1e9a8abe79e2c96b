"""Networks to .dummy files."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from fer_export.contract import tensors
from fer_export.convert import Companions

MARK = b"DUMY"


def companions(content, stem, checkpoint):
    """One file beside a .dummy file."""
    return Companions({f"{stem}.txt": b"beside\n"}, {"bytes": len(content)}, (f"{checkpoint.name} has a companion",))


class Converter:
    def __init__(self, checkpoint, input_kind="gray", io=None):
        self.checkpoint, self.input_kind = checkpoint, input_kind
        self.types = tensors.io_types(io, input_kind)

    def convert(self, variant, calibration=None, float_layers=()):
        contract = tensors.Contract.of(self.checkpoint, variant, self.input_kind, self.types)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "network.keras"
            self.checkpoint.network.save(path)
            network = path.read_bytes()
        head = json.dumps(contract.to_dict()).encode()
        return MARK + len(head).to_bytes(4, "little") + head + network
