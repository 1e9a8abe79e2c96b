"""CSV files and archives that unpack to more than they may, or would take more than linear time."""

import gzip
import lzma
import time
import zipfile
import zlib
from pathlib import Path

import pytest

from fer_export.dataset.read import read
from fer_export.errors import DataError

HEADER = b"emotion,pixels,Usage\n"
ROW = b"0," + b" ".join([b"7"] * 2304) + b",Training\n"


def refused(path: Path, content: bytes, pattern: str) -> float:
    """Seconds until the file is refused with such a message."""
    path.write_bytes(content)
    started = time.perf_counter()
    with pytest.raises(DataError, match=pattern):
        read(path, cache=False)
    return time.perf_counter() - started


@pytest.mark.parametrize("blank", [b"\n", b" \t\n", b"\r\n"])
def test_blank_lines_without_end_are_refused_at_once(blank: bytes, tmp_path: Path) -> None:
    content = gzip.compress(HEADER + ROW + blank * (30_000_000 // len(blank)))
    assert refused(tmp_path / "a.csv.gz", content, "blank lines") < 5


def test_blank_lines_take_linear_time(tmp_path: Path) -> None:
    """Less than the limit, spread over many pieces that each end in blank lines."""
    blank = b"\n" * 1_000_000
    path = tmp_path / "a.csv"
    path.write_bytes(HEADER + ROW + blank)
    assert len(read(path, cache=False)) == 1
    refused(tmp_path / "b.csv", HEADER + ROW + blank + ROW, r"row 2 \(line 3\).*blank")


def test_a_blank_line_between_rows_is_named_by_its_row(tmp_path: Path) -> None:
    refused(tmp_path / "a.csv", HEADER + ROW * 300 + b"\n" + ROW, r"row 301 \(line 302\).*blank")


@pytest.mark.parametrize("kind", ["gz", "xz", "zip"])
def test_an_archive_is_bounded_by_its_size(kind: str, tmp_path: Path) -> None:
    whole = HEADER + ROW * (80_000_000 // len(ROW))
    path = tmp_path / f"a.csv.{kind}"
    if kind == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("fer2013.csv", whole)
        content = path.read_bytes()
    else:
        content = gzip.compress(whole) if kind == "gz" else lzma.compress(whole, preset=0)
    refused(path, content, "unpack to more than 64 MiB")


def test_an_xz_file_may_not_ask_for_gigabytes(tmp_path: Path) -> None:
    compressor = lzma.LZMACompressor(filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 20}])
    small = compressor.compress(HEADER + ROW) + compressor.flush()
    path = tmp_path / "a.csv.xz"
    path.write_bytes(small)
    assert len(read(path, cache=False)) == 1
    # The block header holds the dictionary's size in one byte, 40 for 4 GiB, and a checksum behind it.
    refused(path, declaring_dictionary(small, 40), "damaged|[Mm]emory")


def declaring_dictionary(content: bytes, code: int) -> bytes:
    """The .xz file with another dictionary size in its first block header."""
    header = bytearray(content[12 : 12 + (content[12] + 1) * 4 - 4])
    position = header.index(0x21) + 2
    header[position] = code
    checked = bytes(header) + zlib.crc32(bytes(header)).to_bytes(4, "little")
    return content[:12] + checked + content[12 + len(checked) :]
