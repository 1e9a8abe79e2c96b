"""What an exported file holds, as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...harmless import harmless
from .table import megabytes

if TYPE_CHECKING:
    from ...model_file import FileInfo


def inspect_text(info: FileInfo) -> str:
    """The printout of `fer-export inspect`: what an app passes to the file and what it gets back."""
    graph, said = info.graph, info.metadata
    lines = [f"{harmless(info.path)}: {megabytes(graph.file_bytes)}, sha256 {info.sha256[:16]}..."]
    for word, tensors in (("input", graph.inputs), ("output", graph.outputs)):
        for tensor in tensors:
            scale = "" if tensor.scale is None else f", real = {tensor.scale:.6g} * (stored - {tensor.zero_point})"
            lines.append(f"{word:12s} {harmless(tensor.name)} {tensor.dtype} {list(tensor.shape)}{scale}")
    lines.append(f"labels       {harmless(', '.join(said.labels)) or 'none in the file'}")
    if said.contract:
        lines.append(
            f"contract     {harmless(said.contract['model'])} at {harmless(said.contract['precision'])}, "
            f"input {harmless(said.contract['input_kind'])}"
            + (", mean over the face and its mirror image" if said.contract.get("mirror") else "")
        )
    if said.calibration:
        lines.append(f"calibration  {harmless(said.calibration['count'])} {harmless(said.calibration['source'])}")
    lines.append(f"needs        {graph.needs}")
    if graph.macs and graph.parameters:
        lines.append(f"computes     {graph.macs / 1e6:.1f} million MACs a face with {graph.parameters:,} parameters")
    lines.append(f"ops          {', '.join(f'{count} {harmless(name)}' for name, count in graph.op_counts.items())}")
    if said.files is not None:
        lines.append(f"in the zip   {harmless(', '.join(said.files)) or 'nothing'}")
    return "\n".join(lines)
