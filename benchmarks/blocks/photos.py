"""Blocks of photos: what is found in them, how a face is cut out, what `predict` and `serve` take."""

from typing import Any

from .words import machine_of, percent, result_of, share_of, table_of


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
    edge = result["edge"]
    kept = ", ".join(f"{each['found']} with {percent(each['cut_off'], 0)} % cut off" for each in edge["rows"])
    return (
        f"{table_of(header, rows)}\n\nIn {nobody['count']} pictures without a face ({nobody['from']}) "
        f"{windows['mistaken_without_faces']} are mistaken for one, without windows {whole['mistaken_without_faces']}. "
        f"Of {edge['of']} faces on grey that the edge cuts off, these are found: {kept}."
    )


def merging() -> str:
    """Faces found in photographs of others."""
    result = result_of("merging")
    singles, groups = result["singles"], result["groups"]
    drawings, fists = result["drawings"], result["fists_and_the_like"]
    rows = [[f"`{each['photo']}`", each["faces"], str(each["found"])] for each in groups["photos"]]
    right = f"{groups['off_by_one_at_most']} of {groups['of']} groups that can be counted are right within one face."
    return (
        f"{table_of(['group', 'faces', 'found'], rows)}\n\n{right} In {singles['without_a_face']} of {singles['of']} "
        f"photos of one person no face is found, and {singles['further_boxes']} further boxes stand beside those of "
        f"the labelled faces; the emotion is right in {singles['emotion_right']}. A fist, hair or background is taken "
        f"for a face in {fists['with_a_mistaken_box']} of {fists['of']} photos, a drawing in "
        f"{drawings['with_a_face']} of {drawings['of']}."
    )


def alignment() -> str:
    """Crops turned until the eyes lie level, beside upright ones."""
    result = result_of("alignment")
    header = ["faces", "turned by", "found", "upright crop", "level: gain, points (95 %)", "from 10 degrees: gain"]
    rows = []
    for name, of in (("photos", "photos of one person"), ("public_test", "PublicTest")):
        found = result[name]
        for turn in found["turns"]:
            gains = [gain(turn[way], True) for way in ("level", "level from 10 degrees")]
            share = share_of(turn["as it is"]["accuracy"])
            rows.append(
                [
                    of,
                    f"{turn['degrees']:+d}" if turn["degrees"] else "0",
                    f"{turn['found']} of {found['pictures']}",
                    share,
                    *gains,
                ]
            )
        if len(found["turns"]) == 1:
            continue
        together = found["all_turns"]
        gains = [gain(together[way], False) for way in ("level", "level from 10 degrees")]
        rows.append([of, "all", "", f"{percent(together['as it is']['accuracy'])} %", *gains])
    return table_of(header, rows)


def gain(figure: dict[str, Any], tested: bool) -> str:
    """Points with their interval, and the exact McNemar p of one turn."""
    low, high = figure["gain_95"]
    p = f", p = {figure['mcnemar_p']:.2g}" if tested else ""
    return f"{100 * figure['gain']:+.1f} ({100 * low:+.1f} to {100 * high:+.1f}){p}"


def predict_timings() -> str:
    """The command `predict` as a user starts it."""
    result = result_of("predict_timings")
    many = result["many"]
    rows = [
        [f"a photo of {size} megapixel{'s' if size != '1' else ''}", *took(figures), ""]
        for size, figures in result["megapixels"].items()
    ]
    for figures in many["rows"]:
        what = f"{many['photos']} photos, {figures['processes']} process{'es' if figures['processes'] > 1 else ''}"
        rows.append([what, *took(figures), f"{figures['photos_per_second']:.1f}"])
    header = ["whole command, median", "time", "processor time", "memory of the largest process", "photos a second"]
    return f"{table_of(header, rows)}\n\n{machine_of(result)}."


def took(figures: dict[str, float]) -> list[str]:
    return [f"{figures['s']:.2f} s", f"{figures['processor_s']:.2f} s", f"{figures['mb']:.0f} MB"]


def serve_load() -> str:
    """The service beside the report's way."""
    result = result_of("serve_load")
    ways = [("`fer-export serve`", "serve")] + [(f"Flask {result['flask']} and Keras", "flask_keras")] * (
        "flask_keras" in result
    )
    rows = []
    for said, name in ways:
        for each in result[name]:
            rows.append(
                [
                    said,
                    str(each["connections"]),
                    f"{each['p50_ms']:.0f} ms",
                    f"{each['p99_ms']:.0f} ms",
                    f"{each['photos_per_second']:.1f}",
                    str(len(each["refused"]) + len(each["lost"])),
                    f"{result[name + '_mb']} MB",
                ]
            )
    header = ["service", "connections", "p50", "p99", "photos a second", "not answered", "memory in all"]
    bodies, killed = result["malformed"], result["killed"]
    answers = ", ".join(f"{count} times {status}" for status, count in sorted(bodies["answers"].items()))
    return (
        f"{table_of(header, rows)}\n\nPhotos: {result['photo']}. {bodies['bodies']:,} malformed bodies were answered "
        f"{answers}; afterwards a photo {'was' if bodies['answered_afterwards'] else 'was not'} answered. One of "
        f"{killed['workers']} workers was killed while 8 connections sent photos: {killed['answered']} answered, "
        f"{len(killed['refused']) + len(killed['lost'])} not.\n\n{machine_of(result)}."
    )
