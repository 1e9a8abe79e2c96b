"""An arm64 Debian with Python and the runtimes' aarch64 wheels, laid out in a folder and run by qemu-user.

Nothing is installed and nothing needs root: packages are downloaded with a private apt configuration, through the
package sources of this machine, and unpacked. qemu runs one program at a time in the tree: no chroot, no binfmt.
qemu 10 gives a program the /proc/cpuinfo of the emulated processor; with 7.2 it sees the host's, both runtimes
crash, and SVE gives wrong int8 results.
"""

from __future__ import annotations

import contextlib
import email
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from fer_export.errors import FerExportError, one_line

SUITE = "trixie"
"""The Debian that has qemu 10; its Python decides which wheels are taken."""

SYSTEM = ("python3", "libstdc++6")
EMULATOR = "qemu-user"
NEWEST_GLIBC = 41
"""Minor version of the suite's glibc 2: wheels for it and all before run there."""

RUNTIMES = ("ai-edge-litert", "onnxruntime")
WHEELS = (*RUNTIMES, "numpy", "flatbuffers")
"""In the versions that are installed here, without their other dependencies, which inference does not need."""

APT_CONFIGURATION = """\
#clear APT::Architectures;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear Acquire::IndexTargets::deb::DEP-11;
APT::Architecture "arm64";
APT::Architectures {{ "arm64"; "amd64"; }};
APT::Install-Recommends "false";
APT::Sandbox::User "";
Acquire::Languages "none";
Dir::Etc::sourcelist "{folder}/debian.sources";
Dir::Etc::sourceparts "/dev/null";
Dir::State "{folder}";
Dir::State::status "{folder}/status";
Dir::Cache "{folder}";
"""


class ArmMachineError(FerExportError):
    """The arm64 tree cannot be laid out here."""


@dataclass(frozen=True)
class ArmMachine:
    """An arm64 machine that is emulated."""

    root: Path
    """The arm64 tree."""

    wheels: Path
    """The unpacked wheels."""

    emulator: Path
    """qemu-aarch64."""

    def command(self, cpu: str) -> list[str]:
        """What starts the tree's Python on an emulated processor."""
        return [
            str(self.emulator),
            "-cpu",
            cpu,
            "-L",
            str(self.root),
            str(self.root / "usr/bin" / python_of(self.root)),
        ]

    def environment(self, *packages: Path) -> dict[str, str]:
        """Its Python's whole environment: it imports the wheels and what lies in the folders `packages`."""
        return {
            "PYTHONPATH": ":".join(map(str, (self.wheels, *packages))),
            "PYTHONPYCACHEPREFIX": str(self.wheels.with_name(f"{self.wheels.name}.pycache")),
            "HOME": "/nonexistent",
        }

    @property
    def version(self) -> str:
        """`10.0.13`, of qemu."""
        said = _output([str(self.emulator), "--version"])
        return said.split("version ")[-1].split()[0]

    def check(self, cpu: str) -> None:
        """Raise ArmMachineError unless qemu emulates that processor."""
        known = _output([str(self.emulator), "-cpu", "help"]).split()
        if cpu not in known:
            usual = ", ".join(name for name in known if name.startswith("cortex-a"))
            raise ArmMachineError(f"qemu {self.version} knows no processor {cpu}; choose with --cpu from {usual}")


def lay_out(folder: Path) -> ArmMachine:
    """The machine in `folder`; what is not there yet is downloaded.

    Raises ArmMachineError where this machine is not x86-64 Debian with apt, the network is missing, or there is no
    aarch64 wheel of an installed version; OutputError where the folder cannot be written.
    """
    system = folder / f"debian-{SUITE}"
    if not system.exists():
        with _appearing(system) as aside:
            unpack_system(aside)
    root = system / "root"
    versions = {name: metadata.version(name) for name in WHEELS}
    named = "-".join(f"{name}-{versions[name]}" for name in (*RUNTIMES, "numpy"))
    wheels = folder / f"{named}-{python_of(root)}"
    if not wheels.exists():
        with _appearing(wheels) as aside:
            unpack_wheels(aside, versions, python_of(root).removeprefix("python"))
    return ArmMachine(root, wheels, system / "qemu-aarch64")


def python_of(root: Path) -> str:
    """`python3.13`: the tree's default Python."""
    return (root / "usr/bin/python3").readlink().name


def debian_source(folder: Path = Path("/etc/apt")) -> str:
    """This machine's Debian archive as a deb822 source of SUITE for both architectures.

    Taken is the first source that serves a suite and its -updates from the same place, as only Debian's own archive
    and its mirrors do. Raises ArmMachineError when there is none.
    """
    served: dict[str, tuple[set[str], dict[str, str]]] = {}
    for place, suites, options in _sources(folder):
        served.setdefault(place, (set(), options))[0].update(suites)
    for place, (of_place, options) in served.items():
        if any(f"{suite}-updates" in of_place for suite in of_place):
            fields = {"Types": "deb", "URIs": place, "Suites": SUITE, "Components": "main", **options}
            return "".join(f"{name}: {value}\n" for name, value in fields.items())
    raise ArmMachineError(
        f"{folder} names no Debian archive (a suite and its -updates); run this on Debian or in its container"
    )


def _sources(folder: Path) -> Iterator[tuple[str, list[str], dict[str, str]]]:
    """Place, suites and options of every `deb` source with the component main; one-line and deb822 files."""
    one_line_files = [folder / "sources.list", *sorted((folder / "sources.list.d").glob("*.list"))]
    for path in filter(Path.is_file, one_line_files):
        for line in path.read_text(errors="replace").splitlines():
            found = re.match(r"deb\s+(?:\[([^\]]*)\]\s*)?(\S+)\s+(\S+)\s+([^#]*)", line.strip())
            if found and "main" in found[4].split():
                given = dict(option.partition("=")[::2] for option in (found[1] or "").split())
                yield found[2], [found[3]], _options(given)
    for path in sorted((folder / "sources.list.d").glob("*.sources")):
        plain = re.sub(r"(?m)^#.*\n?", "", path.read_text(errors="replace"))
        for stanza in re.split(r"\n\s*\n", plain.strip()):
            fields = email.message_from_string(stanza)
            listed = {name: (fields[name] or "").split() for name in ("Types", "URIs", "Suites", "Components")}
            if "deb" in listed["Types"] and "main" in listed["Components"] and fields["Enabled"] != "no":
                for place in listed["URIs"]:
                    yield place, listed["Suites"], _options(dict(fields.items()))


def _options(given: dict[str, str]) -> dict[str, str]:
    """Which keys sign the archive, as the source has it; a key may stand there itself, in several lines."""
    lower = {name.lower(): value for name, value in given.items()}
    return {name: lower[name.lower()] for name in ("Signed-By", "Trusted") if name.lower() in lower}


def unpack_system(folder: Path) -> None:
    """folder/root, the arm64 tree, and folder/qemu-aarch64, for this machine."""
    for program in ("apt-get", "dpkg-deb"):
        if shutil.which(program) is None:
            raise ArmMachineError(
                f"there is no {program} here, which gets the arm64 tree; run this on Debian or in its container"
            )
    root, apt, archives = folder / "root", folder / "apt", folder / "apt" / "archives"
    for each in (archives / "partial", apt / "lists" / "partial", root / "usr" / "lib"):
        each.mkdir(parents=True)
    (root / "lib").symlink_to("usr/lib")
    (apt / "status").touch()
    (apt / "debian.sources").write_text(debian_source())
    (apt / "apt.conf").write_text(APT_CONFIGURATION.format(folder=apt))
    get = ["apt-get", "-c", str(apt / "apt.conf"), "-q", "-y"]
    _run([*get, "update", "--error-on=any"], "the package lists of Debian")
    _run([*get, "install", "--download-only", *SYSTEM], f"the packages of Debian {SUITE}")
    _run([*get, "download", f"{EMULATOR}:amd64"], f"{EMULATOR} of Debian {SUITE}", archives)
    [emulator] = archives.glob(f"{EMULATOR}_*.deb")
    _run(["dpkg-deb", "-x", str(emulator), str(apt / "emulator")], EMULATOR)
    (apt / "emulator/usr/bin/qemu-aarch64").rename(folder / "qemu-aarch64")
    emulator.unlink()
    for package in sorted(archives.glob("*.deb")):
        _run(["dpkg-deb", "-x", str(package), str(root)], package.name)
    shutil.rmtree(apt)


def unpack_wheels(folder: Path, versions: dict[str, str], python: str) -> None:
    """pip's own configuration says where wheels come from."""
    platforms = [f"--platform=manylinux_2_{minor}_aarch64" for minor in range(17, NEWEST_GLIBC + 1)]
    wanted = [f"{name}=={version}" for name, version in versions.items()]
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(folder), "--no-deps", "--no-compile"]
    taken = ["--only-binary=:all:", "--implementation=cp", f"--python-version={python}", *platforms]
    _run([*pip, *taken, *wanted], f"the aarch64 wheels of {', '.join(wanted)} for Python {python}")


@contextlib.contextmanager
def _appearing(folder: Path) -> Iterator[Path]:
    """A folder to fill that takes its place when it is complete, and leaves nothing behind when it is not."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        place = tempfile.TemporaryDirectory(prefix=".arm.", dir=folder.parent)
    except OSError as error:
        raise ArmMachineError(
            f"cannot write {folder.parent}: {error.strerror}; choose another place with --tree"
        ) from error
    with place:
        aside = Path(place.name) / folder.name
        aside.mkdir()
        yield aside
        try:
            aside.rename(folder)
        except OSError:
            # Another run was faster: its folder stays.
            if not folder.is_dir():
                raise


def _run(command: list[str], what: str, place: Path | None = None) -> None:
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ArmMachineError(
            f"cannot get {what}: {_reason([*done.stderr.splitlines(), *done.stdout.splitlines()])}; "
            "check the network and the free disk space (400 MB), and run it again"
        )


def _reason(lines: Iterable[str]) -> str:
    """The first error of apt or pip, or else its last line."""
    said = [line.strip() for line in lines if line.strip()]
    errors = [line for line in said if re.match(r"(E|ERROR|Err|dpkg-deb: error)\b", line)]
    return one_line((errors or said[-1:] or ["it gave no reason"])[0])


def _output(command: list[str]) -> str:
    # `-cpu help` ends with 1 although it has helped.
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout
