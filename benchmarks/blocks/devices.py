"""Blocks of ARM processors, of browsers and of the app."""

from .words import machine_of, megabytes, percent, result_of, table_of

BROWSERS = {"chromium": "Chromium", "webkit": "WebKitGTK"}


def arm_parity() -> str:
    return "```\n" + result_of("arm_parity")["printout"].strip() + "\n```"


def arm_instructions() -> str:
    """Instructions for one face, files down and processors across."""
    result = result_of("arm_instructions")
    cpus = list(dict.fromkeys(row["cpu"] for row in result["rows"]))
    files = {row["file"]: row["macs"] for row in result["rows"]}
    found = {(row["file"], row["cpu"]): row["instructions"] for row in result["rows"]}
    rows = [
        [f"`{file}`", f"{macs / 1e6:.0f} million"]
        + [f"{found[file, cpu] / 1e6:.1f} million ({found[file, cpu] / macs:.2f})" for cpu in cpus]
        for file, macs in files.items()
    ]
    table = table_of(["file", "multiply-adds", *(f"instructions, {cpu}" for cpu in cpus)], rows)
    versions = f"LiteRT {result['environment']['ai-edge-litert']}, qemu {result['qemu']}"
    return f"{table}\n\nIn brackets: instructions a multiply-add. One thread; {versions}."


def apk_size() -> str:
    result = result_of("apk_size")
    rows = []
    for part, size in result["parts"].items():
        rows.append([part, megabytes(size["stored"]), megabytes(size["raw"])])
        if part == "native libraries":
            rows += [
                [f"- {abi}", megabytes(each["stored"]), megabytes(each["raw"])] for abi, each in result["abis"].items()
            ]
    rows.append(["**whole APK**", f"**{megabytes(result['bytes'])}**", ""])
    alone = ", ".join(f"{abi} {megabytes(size)} MB" for abi, size in result["single_abi"].items())
    table = table_of([f"part of `{result['apk']}`", "in the APK, MB", "unpacked, MB"], rows)
    text = f"{table}\n\nWith the native libraries of one ABI alone: {alone}."
    if "release" in result:
        release = result["release"]
        text += (
            f"\nA release with {' and '.join(release['abis'])} and one network (`{release['apk']}`): "
            f"{megabytes(release['bytes'])} MB, of which LiteRT's library {megabytes(release['natives'])} MB and "
            f"the rest {megabytes(release['rest'])} MB."
        )
    return text


def browser() -> str:
    """The default network in browsers, beside the same files run natively."""
    result = result_of("browser")
    header = ["file", "in", "p50", "native p50", "of native", "same answer", "same bits", "largest difference"]
    rows = []
    for row in result["rows"]:
        rows.append(
            [
                f"`{row['file']}`",
                f"{row['runtime']}, {BROWSERS[row['browser']]}",
                f"{row['p50_ms']:.3g} ms",
                f"{row['native_p50_ms']:.3g} ms ({row['native']})",
                f"{row['p50_ms'] / row['native_p50_ms']:.1f} times",
                f"{percent(row['same_label'], 2)} %",
                f"{percent(row['same_bits'], 2)} %",
                f"{row['largest_difference']:.2g}",
            ]
        )
    page = result["page"]
    photo = ", ".join(f"{each['photo_ms']:.0f} ms in {BROWSERS[name]}" for name, each in result["browsers"].items())
    wasm = ", ".join(
        f"{name} {each['bytes'] / 1e6:.1f} MB ({each['gzip_bytes'] / 1e6:.1f} MB gzip)"
        for name, each in result["runtimes"].items()
    )
    return (
        f"{table_of(header, rows)}\n\nThe same file's answers in the browser against the native runtime's, on "
        f"{result['faces']} PublicTest faces; one thread. A photo of one face through the whole pipeline: {photo}, "
        f"{result['native_photo_ms']:.0f} ms natively. WebAssembly to load: {wasm}; `dist` with all of it and "
        f"its networks {result['dist_bytes'] / 1e6:.1f} MB. The page can be used {page['first_start_ms'] / 1000:.1f} s "
        f"after the first visit's start, without a network {page['offline_start_ms'] / 1000:.1f} s, and analyses "
        f"{page['live_pictures_a_second']:.0f} pictures a second of a camera that shows one face.\n\n"
        f"{machine_of(result)}."
    )
