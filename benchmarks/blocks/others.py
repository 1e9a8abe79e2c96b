"""Blocks of networks that are not ours: every layer and backbone, int8 of anybody's networks beside other tools."""

from typing import Any

from .words import machine_of, percent, result_of, table_of

GROUPS = {
    "TFLite": ("fp32 TFLite", "fp16 TFLite", "dynamic TFLite", "int8 TFLite", "int16x8 TFLite"),
    "ONNX": ("fp32 ONNX", "fp16 ONNX", "dynamic ONNX", "int8 ONNX"),
    "microcontroller and Core ML": (
        "int8 tflite-micro",
        "fp32 Core ML",
        "fp16 Core ML",
        "int8 Core ML",
        "palette6 Core ML",
    ),
}
"""Variants that share a table."""

TOOLS = (
    ("fer-export", "tflite", "Training"),
    ("TFLiteConverter", "tflite", "Training"),
    ("ai-edge-quantizer", "tflite", "Training"),
    ("fer-export", "tflite", "probe"),
    ("fer-export", "onnx", "Training"),
    ("onnxruntime", "onnx", "Training"),
    ("fer-export", "onnx", "probe"),
)
"""Columns of the int8 table: tool, format, what calibrated."""


def layers() -> str:
    result = result_of("layers_table")
    reasons: dict[str, int] = {}
    tables = []
    for title, variants in GROUPS.items():
        rows = []
        for name, row in result["rows"].items():
            cells = row.get("cells", {})
            if cells and not set(variants) & set(cells):
                continue  # backbones, where they are not for
            failed = {"refused": row.get("failed", "not measured")}
            rows.append([name, *(_cell(cells.get(variant, failed), reasons) for variant in variants)])
        tables.append(f"{title}:\n\n{table_of(['network', *variants], rows)}")
    passed = sum(cell.get("passed", False) for row in result["rows"].values() for cell in row.get("cells", {}).values())
    count = sum(len(row.get("cells", {})) for row in result["rows"].values())
    reasoned = "\n".join(f"{number}. {reason}" for reason, number in reasons.items())
    return (
        "\n\n".join(tables) + f"\n\n{passed} of {count} files pass their gate. \\* partly in float. In bold: the file "
        "misses its gate, and `fer-export` says so.\n\nReasons for missing files:\n\n"
        f"{reasoned}\n\n{machine_of(result)}."
    )


def network_printouts() -> str:
    """Every printout, folded up under its network's name."""
    result = result_of("network_printouts")
    blocks = []
    for name, rows in result["networks"].items():
        exits = ", ".join(str(row["exit"]) for row in rows)
        texts = "\n\n".join(f"$ {row['command']}\n{row['printout']}" for row in rows)
        blocks.append(
            f"<details><summary><code>{name}</code>: exit {exits}</summary>\n\n```\n{texts}\n```\n\n</details>"
        )
    return "\n".join(blocks) + f"\n\n{machine_of(result)}."


def faults() -> str:
    """Each broken or hostile input with what came of its commands."""
    result = result_of("faults")
    rows = []
    for name, found in result["inputs"].items():
        if "failed" in found:
            rows.append([f"`{name}`", "", "", "", "", f"not made here: {_reason(found['failed'])}"])
        for row in found["rows"]:
            words = _verdict(row["printout"])
            command = row["command"].replace("fer-export ", "").partition(" --model")[0].replace(f" {name}", "")
            figures = [str(row["exit"]), f"{row['seconds']:.1f} s", f"{row['peak_megabytes']} MB"]
            rows.append([f"`{name}`", f"`{command.partition(' --data')[0]}`", *figures, words])
    appeared = [name for name, found in result["inputs"].items() if found["appeared"]]
    written = (
        f"Files that no command was asked for: from {', '.join(appeared)}."
        if appeared
        else ("No command wrote a file that it was not asked for.")
    )
    table = table_of(["input", "command", "exit", "took", "peak memory", "says"], rows)
    return f"{table}\n\n{written}\n\n{machine_of(result)}."


def _verdict(printout: str) -> str:
    """The line of a printout that says what came of it."""
    lines = printout.splitlines()
    wanted = ("fer-export: ", "FAILED  network", "FAILED", "PASSED", "caution")
    found = next((line for start in wanted for line in lines if line.strip().startswith(start)), lines[0])
    return _reason(found.removeprefix("fer-export: ")).replace("`", "'").replace("*", r"\*").replace("  ", " ")


def _cell(cell: dict[str, Any], reasons: dict[str, int]) -> str:
    if "refused" in cell:
        number = reasons.setdefault(_reason(cell["refused"]), len(reasons) + 1)
        return f"none ({number})"
    share = f"{percent(cell['agreement'])} %" + (r" \*" if cell["floats"] else "")
    share = share if cell["passed"] else f"**{share}**"
    size = cell["bytes"] / 1e3
    return f"{share}<br>{size:,.0f} kB, {cell['processor_seconds']:.0f} s"


def _reason(words: str) -> str:
    """The reason in one line without what a markdown list would take for its own."""
    return words.replace("|", "/").replace("<", "&lt;").strip()


def int8_networks() -> str:
    result = result_of("int8_networks")
    header = ["network", "faces"]
    header += [f"{tool}, {'.' + form}{', probe faces' if given == 'probe' else ''}" for tool, form, given in TOOLS]
    rows, notes = [], []
    for name, network in result["networks"].items():
        found = {(row["tool"], row["format"], row["calibrated"]): row for row in network.get("rows", [])}
        cells = []
        for tool in TOOLS:
            row = found.get(tool, {"error": network.get("failed", "not measured")})
            cells.append(_share(row))
            if row.get("repaired") or row.get("whole"):
                before = f" (before, {_share(row['plain'])})" if "plain" in row else ""
                kept = f"{', '.join(row['repaired'])} stay in float{before}"
                if row.get("whole"):
                    kept = f"all int8, {len(row['whole'])} separable convolutions are one convolution each{before}"
                notes.append(f"{name}, .{tool[1]} from {tool[2]} faces: {kept}")
            if "error" in row and tool[0] == "fer-export":
                notes.append(f"{name}, .{tool[1]} from {tool[2]} faces: {row['error']}")
        rows.append([name, f"{network.get('faces', 0):,}", *cells])
    said = "\n".join(f"- {note}" for note in notes)
    return (
        f"{table_of(header, rows)}\n\nAgreement with Keras. In bold: the file misses its gate (98 %).\n\n"
        f"{said}\n\n{machine_of(result)}."
    )


def _share(row: dict[str, Any]) -> str:
    if "error" in row:
        return "none"
    share = f"{percent(row['agreement'], 2)} %"
    seconds = f", {row['processor_seconds']:.0f} s" if "processor_seconds" in row else ""
    return (share if row.get("passed", True) else f"**{share}**") + seconds
