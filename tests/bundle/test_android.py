"""Android projects of other people: the app among the modules, and the lines that use a bundle there."""

import re
import textwrap
from pathlib import Path

import pytest

from fer_export.bundle import android
from fer_export.errors import UsageError
from fer_export.report.text.android import android_text

DEMO = Path(__file__).parents[2] / "android_demo"


def module(folder, plugin="com.android.application", kotlin=True):
    (folder / "src" / "main").mkdir(parents=True)
    if plugin:
        name, text = ("build.gradle.kts", f'id("{plugin}")') if kotlin else ("build.gradle", f"id '{plugin}'")
        (folder / name).write_text(f"plugins {{\n    {text}\n}}\n")
    return folder


def test_the_demo_itself():
    assert android.find_app(DEMO).bundle == DEMO / "app/src/main/assets/bundle"
    assert android.find_app(DEMO / "app").bundle == DEMO / "app/src/main/assets/bundle"


def test_an_app_among_libraries_whatever_its_name(tmp_path):
    module(tmp_path / "core", "com.android.library")
    module(tmp_path / "feature" / "camera", "com.android.library")
    wanted = module(tmp_path / "mobile", kotlin=False)
    module(tmp_path / "build" / "left-over")
    (tmp_path / "build.gradle.kts").write_text('plugins {\n    id("com.android.application") apply false\n}\n')
    assert android.find_app(tmp_path).module == wanted


@pytest.mark.parametrize("text", ["alias(libs.plugins.android.application)", 'apply plugin: "com.android.application"'])
def test_other_ways_to_name_the_plugin(tmp_path, text):
    module(tmp_path / "library", "com.android.library")
    wanted = module(tmp_path / "phone", plugin=None)
    (wanted / "build.gradle.kts").write_text(text)
    assert android.find_app(tmp_path).module == wanted


def test_one_module_without_a_word_of_gradle(tmp_path):
    module(tmp_path, plugin=None)
    assert android.find_app(tmp_path).module == tmp_path


def test_of_two_apps_the_one_called_app(tmp_path):
    module(tmp_path / "wear")
    with_name = module(tmp_path / "app")
    assert android.find_app(tmp_path).module == with_name


def test_two_apps_are_named(tmp_path):
    one, other = module(tmp_path / "phone"), module(tmp_path / "wear")
    with pytest.raises(UsageError, match="several apps") as error:
        android.find_app(tmp_path)
    assert str(one) in str(error.value)
    assert str(other) in str(error.value)


@pytest.mark.parametrize("there", [True, False])
def test_no_android_project(tmp_path, there):
    folder = tmp_path if there else tmp_path / "missing"
    with pytest.raises(UsageError, match="is not an Android project"):
        android.find_app(folder)


def test_the_kotlin_lines_are_those_that_are_compiled():
    source = (DEMO / "kotlin/src/main/kotlin/org/ferexport/example/Snippet.kt").read_text()
    body = source[source.index("{\n", source.index("fun printEmotions")) + 2 : source.rindex("}")]
    assert textwrap.dedent(body) == android.KOTLIN
    assert android.KOTLIN.count("\n") == 10


def test_the_gradle_lines_name_the_versions_of_the_demo():
    properties = (DEMO / "gradle.properties").read_text()
    [version] = re.findall(r"^fer\.litert=(.*)$", properties, re.MULTILINE)
    assert android.LITERT.endswith(f":litert:{version}")
    assert len(android.GRADLE) == 3


def test_the_app_uses_nothing_but_the_library():
    """Neither core nor LiteRT: what the demo can do, an app of other people can."""
    sources = [*(DEMO / "app/src/main").rglob("*.java"), *(DEMO / "kotlin/src/main").rglob("*.kt")]
    assert len(sources) > 10
    for source in sources:
        foreign = re.findall(r"org\.ferexport\.core[\w.]*|org\.tensorflow[\w.]*|androidx\.[\w.]*", source.read_text())
        assert not foreign, f"{source.name} uses {foreign}"


def test_the_printout_and_the_readme_show_the_same_lines():
    printed = android_text(android.AndroidApp(Path("MyApp/app")))
    readme = (DEMO / "README.md").read_text()
    assert "in MyApp/app, " in printed
    for line in (*android.GRADLE, *android.KOTLIN.splitlines()):
        assert line in printed
        assert line in readme
