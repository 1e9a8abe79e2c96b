"""Blocks of photos, of ARM processors and of the app."""

from .words import machine_of, megabytes, percent, result_of, table_of


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
