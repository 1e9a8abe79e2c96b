"""Looks into .dummy files."""

from __future__ import annotations

import json

from fer_export.model_file.summary import GraphSummary, ModelInfo, OpSummary, TensorSummary


def parts(content):
    """The contract and the bytes of the network."""
    length = int.from_bytes(content[4:8], "little")
    return json.loads(content[8 : 8 + length]), content[8 + length :]


def inspect(content):
    contract, network = parts(content)
    ends = [
        TensorSummary(contract[f"{end}_name"], tuple(contract[f"{end}_shape"]), contract[f"{end}_type"], None, None)
        for end in ("input", "output")
    ]
    whole = OpSummary("Network", 1, ("uint8",), ("float32",), True)
    return GraphSummary((ends[0],), (ends[1],), (whole,), "1.0", len(network), len(content), format="dummy")


def read(content):
    contract, _ = parts(content)
    return ModelInfo(name=contract["model"], labels=tuple(contract["labels"]), contract=contract)
