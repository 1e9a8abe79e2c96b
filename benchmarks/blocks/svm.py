"""Blocks of the report's support vector machines: its table, and what a phone would take."""

from typing import Any

from .words import machine_of, megabytes, percent, points_of, result_of, share_of, table_of

NAME = "svm_table"


def svm_table() -> str:
    result = result_of(NAME)
    header = ["C", "shape", "report: accuracy (95 %)", "ours: accuracy (95 %)", "ours - report, points (95 %)"]
    header += ["support vectors", "time, report / ours"]
    rows = []
    for row in result["rows"]:
        low, high = row["report"]["wilson_95"]
        line = [
            f"{row['penalty']:g}",
            row["shape"],
            f"{percent(row['report']['accuracy'])} % ({percent(low)}-{percent(high)})",
        ]
        ours = row["ours"]
        if ours is None:
            rows.append([*line, "not computed", "", "", "26 to 30 min /"])
            continue
        vectors = f"{ours['support_vectors']:,}"
        time = f"26 to 30 min / {ours['seconds']:.0f} s"
        rows.append([*line, share_of(ours["accuracy"]), points_of(ours["ahead"]), vectors, time])
    said = [_protocol(result), _agreement(result), *map(_shape, result["shapes"]), _rest(result), _check(result)]
    return f"{table_of(header, rows)}\n\n" + " ".join(each for each in said if each)


def svm_files() -> str:
    """The machines' files beside the network's, and every candidate for a phone."""
    result = result_of(NAME)
    parts = [_files(result), _candidates(result)]
    return "\n\n".join(part for part in parts if part) or "No file has been made yet."


def _protocol(result: dict[str, Any]) -> str:
    data, done = result["data"], [row["ours"] for row in result["rows"] if row["ours"]]
    kernel = max((ours["kernel_seconds"] for ours in done), default=0)
    shared = f", {kernel:.0f} s more for the kernel that all rows share" if done else ""
    return (
        f"{len(done)} of {len(result['rows'])} rows computed, on {data['training']:,} faces of six emotions, "
        f"judged on {data['judging']:,} others. The report had all of FER2013; here are Training and PublicTest alone, "
        f"PrivateTest is not looked at. Ours is processor time of the solver{shared}; the report's is the time that "
        "passed."
    )


def _agreement(result: dict[str, Any]) -> str:
    ahead = [row["ours"]["ahead"]["interval"] for row in result["rows"] if row["ours"]]
    if not ahead:
        return ""
    higher, lower = sum(least > 0 for least, _ in ahead), sum(most < 0 for _, most in ahead)
    return f"{len(ahead) - higher - lower} agree with the report within 95 %, {higher} are higher, {lower} lower."


def _shape(found: dict[str, Any]) -> str:
    columns = found["columns"]
    machine = "the same support vectors, coefficients and intercepts" if found["same_machine"] else "other machines"
    return (
        f"With C {found['penalty']:g}, ovo and ovr are {machine}, and {found['same_answers']:,} of {found['faces']:,} "
        f"answers are the same; `decision_function` has {columns['ovo']} and {columns['ovr']} columns."
    )


def _rest(result: dict[str, Any]) -> str:
    found = result.get("rest")
    if not found:
        return ""
    return (
        f"Six machines of one emotion against all others, which neither shape trains, reach "
        f"{share_of(found['accuracy'])} with C {found['penalty']:g}."
    )


def _check(result: dict[str, Any]) -> str:
    found = result.get("check")
    if not found:
        return ""
    vectors = "the same" if found["same_support_vectors"] else "other"
    return (
        f"On {found['faces']:,} faces, an SVC that computes its own kernel has {vectors} support vectors and gives "
        f"{found['same_answers']:,} of {found['judging_faces']:,} times the same answer, "
        f"in {found['seconds_own_kernel']} s instead of {found['seconds_shared_kernel']} s for the kernel and "
        f"{found['seconds_solver']} s for a row."
    )


def _files(result: dict[str, Any]) -> str:
    latency = {row["file"]: row for row in result.get("latency", {}).get("rows", [])}
    terms = result.get("like_terms", {})
    header = ["file", "accuracy on the 30 %", "on faces new to all", "same answer as its machine"]
    header += ["MB", "p50, ms", "load, ms", "memory, MB"]
    rows = []
    for found in (result.get("report_file"), result.get("phone_file")):
        if found:
            stem = found["file"].removesuffix(".onnx")
            agreement = found["parity"]["agreement"]
            line = [f"`{found['file']}`", share_of(found["accuracy"]), _share_on(terms, stem)]
            failed = "" if found["parity"]["passed"] else ", outside the gate"
            line += [f"{agreement['hits']} of {agreement['count']}{failed}", megabytes(found["bytes"])]
            rows.append([*line, *_times(latency.get(found["file"]))])
    if not rows:
        return ""
    machines = {row[0].strip("`") for row in rows}
    for name, row in latency.items():
        if name not in machines:
            network = next((known for known in terms if name.startswith(known)), "")
            rows.append([f"`{name}`", "", _share_on(terms, network), "", megabytes(row["bytes"]), *_times(row)])
    cautions = result.get("latency", {}).get("cautions", [])
    said = (
        f"{table_of(header, rows)}\n\nThe network's share is Keras's, held to the six emotions. {machine_of(result)}."
    )
    return said + (f" Caution: {'; '.join(cautions)}." if cautions else "")


def _share_on(terms: dict[str, Any], name: str) -> str:
    return f"{share_of(terms[name])} of {terms[name]['count']:,}" if name in terms else ""


def _times(row: dict[str, Any] | None) -> list[str]:
    if row is None:
        return ["not timed", "", ""]
    return [f"{row['p50_ms']:.3g}", f"{row['load_ms']:.0f}", f"{row['peak_rss_mb']:.0f}"]


def _candidates(result: dict[str, Any]) -> str:
    found = result.get("candidates")
    if not found:
        return ""
    rows = [[f"`{each['name']}`", share_of(each["accuracy"]), megabytes(each["bytes"])] for each in found]
    return f"Tried for a phone:\n\n{table_of(['machine', 'accuracy on the 30 %', 'MB'], rows)}"
