"""The place of a bundle in a web page's project, and the flag that names it."""

from __future__ import annotations

import json

import pytest

from fer_export.bundle import make as bundling
from fer_export.cli import main
from fer_export.errors import UsageError


def _project(folder):
    for name in ("package.json", "index.html"):
        (folder / name).write_text("{}")
    return folder


def test_every_network_has_its_folder(tmp_path):
    project = _project(tmp_path)
    assert bundling.web_assets(project, "nano-7") == project / "public/bundles/nano-7"
    assert bundling.web_assets(project, "mine") == project / "public/bundles/mine"


@pytest.mark.parametrize("missing", ["package.json", "index.html"])
def test_another_folder_is_refused(tmp_path, missing):
    (_project(tmp_path) / missing).unlink()
    with pytest.raises(UsageError, match="no package.json and index.html"):
        bundling.web_assets(tmp_path, "nano-7")


def test_the_command_refuses_it_before_any_work(tmp_path, capsys):
    assert main(["bundle", "--model", "nano-7", "--web", str(tmp_path)]) == 2
    assert "web page's project" in capsys.readouterr().err


def test_the_lock_file_has_no_download_addresses(request):
    lock = json.loads((request.config.rootpath / "web_demo/package-lock.json").read_text())
    packages = [entry for entry in lock["packages"].values() if "link" not in entry]
    assert len(packages) > 10
    assert not any("resolved" in entry for entry in packages)
