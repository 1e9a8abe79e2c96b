"""Blocks of photos, of ARM processors, of browsers and of the app."""

from .words import machine_of, megabytes, percent, result_of, table_of

BROWSERS = {"chromium": "Chromium", "webkit": "WebKitGTK"}


def crop_margin() -> str:
    result = result_of("crop_margin")
    measured, crop, found = result["measured"], result["crop"], result["public_test"]
    header = ["PublicTest faces that are found", "handed over as they are", "through detector, crop and resize"]
    rows = []
    for name, figures in found["accuracy"].items():
        through = figures[f"scale {crop['scale']}"]["value"]
        rows.append([f"`{name}`", f"{percent(figures['direct']['value'])} %", f"{percent(through)} %"])
    side, right, down = (
        f"{measured[name]['median']} ({measured[name]['q25']} to {measured[name]['q75']})"
        for name in ("scale", "shift_x", "shift_y")
    )
    return (
        f"{table_of(header, rows)}\n\n"
        f"Enlarged and padded, {found['found']:,} of {found['of']:,} are found, without windows. FER2013's frame "
        f"around a Training face, in thousandths of its box, median (quartiles): side {side}, to the right {right}, "
        f"down {down}; the contract takes {crop['scale']}, {crop['shift_x']} and {crop['shift_y']}."
    )


def group_faces() -> str:
    result = result_of("group_faces")
    whole, *_, windows = result["rows"]
    header = ["faces in a square photo", "each is of its side", "found in the whole photo", "with windows", "mistaken"]
    rows = []
    for before, after in zip(whole["groups"], windows["groups"], strict=True):
        faces = f"{before['faces']} {before['ground']}"
        share = f"{percent(before['share_of_side'], 0)} %"
        found = [f"{each['found']} of {each['of']}" for each in (before, after)]
        rows.append([faces, share, *found, str(after["mistaken"])])
    nobody = result["pictures_without_faces"]
    return (
        f"{table_of(header, rows)}\n\nIn {nobody['count']} pictures without a face ({nobody['from']}) "
        f"{windows['mistaken_without_faces']} are mistaken for one, without windows {whole['mistaken_without_faces']}. "
        f"Median time of a photo: {whole['median_ms']:.0f} ms, with windows {windows['median_ms']:.0f} ms "
        f"({machine_of(result)})."
    )


def arm_parity() -> str:
    return "```\n" + result_of("arm_parity")["printout"].strip() + "\n```"


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
