"""FER+ votes: read, aligned with fer2013.csv, and turned into a majority or shares."""

from pathlib import Path

import numpy as np
import pytest

from fer_export.cli import main
from fer_export.dataset import votes
from fer_export.dataset.dataset import Dataset
from fer_export.dataset.emotions import FER2013, FER_PLUS
from fer_export.dataset.vote_rules import CHOICES, distribution, majority
from fer_export.errors import DataError

HEADER = "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"
ROWS = [
    ("Training", [0, 9, 1, 0, 0, 0, 0, 0, 0, 0]),  # happy; the single vote counts nothing
    ("Training", [5, 0, 0, 0, 5, 0, 0, 0, 0, 0]),  # half is not a majority
    ("Training", [2, 0, 0, 0, 0, 0, 0, 0, 8, 0]),  # unknown has it
    ("PublicTest", [1, 0, 0, 0, 1, 0, 2, 1, 1, 1]),  # fear: singles removed, two of two
    ("PublicTest", [0, 0, 0, 0, 0, 0, 0, 7, 3, 0]),  # contempt
    ("PublicTest", [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]),  # nothing is left
]


def dataset(source: Path = Path("fer2013.csv")) -> Dataset:
    usage = np.array([0, 0, 0, 1, 1, 1], np.uint8)
    emotions = np.array([FER2013.index(name) for name in ("happy", "sad", "fear", "angry", "neutral", "sad")], np.uint8)
    pixels = np.random.default_rng(0).integers(0, 256, (6, 48, 48, 1)).astype(np.uint8)
    return Dataset(pixels, emotions, usage, np.arange(6), source, "ab" * 32)


def write(folder: Path, rows=ROWS, header: str = HEADER) -> Path:
    path = folder / "fer2013new.csv"
    lines = [f"{usage},fer{i:07}.png,{','.join(map(str, counts))}" for i, (usage, counts) in enumerate(rows)]
    path.write_text("\n".join([header, *lines, ""]))
    return path


def test_majority_is_more_than_half_of_what_is_left_without_single_votes():
    counts = np.array([row for _, row in ROWS], np.uint8)
    happy, fear, contempt = (FER_PLUS.index(name) for name in ("happy", "fear", "contempt"))
    assert majority(counts, FER_PLUS).tolist() == [happy, -1, -1, fear, contempt, -1]
    # Labels without contempt drop its faces, and the order is that of the labels.
    found = majority(counts, FER2013)
    assert found.tolist() == [FER2013.index("happy"), -1, -1, FER2013.index("fear"), -1, -1]
    assert majority(counts, ["laughing", "joy"]).tolist() == [1, -1, -1, -1, -1, -1]


def test_shares_sum_to_one_and_faces_that_nobody_can_name_are_dropped():
    counts = np.array([row for _, row in ROWS], np.uint8)
    kept, shares = distribution(counts, FER_PLUS)
    assert kept.tolist() == [0, 1, 3, 4]
    assert shares.dtype == np.float32
    assert shares.sum(axis=1) == pytest.approx(1)
    assert shares[1, [FER_PLUS.index("neutral"), FER_PLUS.index("angry")]].tolist() == [0.5, 0.5]


def test_votes_label_faces_instead_of_2013s_labels(tmp_path):
    voted = votes.with_votes(dataset(), write(tmp_path))
    faces, targets = voted.split("PublicTest").for_labels(FER_PLUS)
    assert faces.rows.tolist() == [3, 4]
    assert [FER_PLUS[target] for target in targets] == ["fear", "contempt"]
    assert dataset().split("PublicTest").for_labels(FER2013)[1].tolist() == [0, 6, 4]


def test_summary_counts_majorities_agreement_and_entropy(tmp_path):
    voted = votes.with_votes(dataset(), write(tmp_path))
    summary = votes.summarize(voted.split("Training"))
    assert (summary.faces, summary.majority, summary.agreeing) == (3, 1, 1)
    assert summary.emotions["happy"] == 1
    assert summary.entropy == pytest.approx(0.5)  # of two faces that count, one is certain and one half and half
    assert votes.summarize(voted.split("PublicTest")).to_dict()["agreement_with_2013"] == 0
    with pytest.raises(DataError, match="have no votes"):
        votes.summarize(dataset().split("Training"))


def test_shares_of_faces_come_from_votes_or_labels(tmp_path):
    voted = votes.with_votes(dataset(), write(tmp_path))
    assert votes.shares(voted.split("Training"), FER_PLUS) == {
        **dict.fromkeys(FER_PLUS, 0.0),
        "happy": 0.5,
        "neutral": 0.25,
        "angry": 0.25,
    }
    assert votes.shares(dataset().split("Training"), ["happy", "sad"]) == {"happy": 0.5, "sad": 0.5}


@pytest.mark.parametrize(
    ("rows", "header", "said"),
    [
        ([*ROWS[:2], ("PrivateTest", ROWS[2][1]), *ROWS[3:]], HEADER, "row 3 is PrivateTest in .* and Training in"),
        (ROWS[:5], HEADER, "row 6 is only in one"),
        ([*ROWS, ROWS[0]], HEADER, "row 7 is only in one"),
        ([*ROWS[:1], ("Training", [1, 2, 3]), *ROWS[2:]], HEADER, r"row 2 \(line 3\): has 5 columns"),
        ([("Training", [*ROWS[0][1][:9], -1]), *ROWS[1:]], HEADER, r"row 1 \(line 2\): a number of votes"),
        ([("Train", ROWS[0][1]), *ROWS[1:]], HEADER, "the Usage is 'Train'"),
        (ROWS, "emotion,pixels,Usage", "does not begin with"),
        ([], HEADER, "no rows"),
    ],
)
def test_votes_that_do_not_fit_name_the_row(tmp_path, rows, header, said):
    with pytest.raises(DataError, match=said):
        votes.with_votes(dataset(), write(tmp_path, rows, header))


def test_votes_go_with_the_csv_not_with_folders(tmp_path):
    with pytest.raises(DataError, match="folder|pictures in"):
        votes.with_votes(dataset(tmp_path), write(tmp_path))
    with pytest.raises(DataError, match="cannot read"):
        votes.with_votes(dataset(), tmp_path / "absent.csv")


def test_data_prints_the_votes(tmp_path, tiny_csv, capsys):
    usages = [line.rsplit(",", 1)[1].strip() for line in tiny_csv.read_text().splitlines()[1:]]
    path = write(tmp_path, [(usage, [0, 6, 0, 0, 0, 0, 0, 0, 0, 0]) for usage in usages])
    assert main(["data", str(tiny_csv), "--votes", str(path)]) == 0
    printed = capsys.readouterr().out
    assert "FER+ votes" in printed
    assert "0.00 bits" in printed


def test_choices_are_in_the_order_of_the_file():
    assert len(CHOICES) == len(HEADER.split(",")) - 2
