"""`starbolt new` writes a whole project or nothing, refuses what would not work, and what it writes works at once."""

from __future__ import annotations

import importlib
import inspect
import os
import re
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest
import yaml

from starbolt import __version__
from starbolt.compose import UserError
from starbolt.new import refuse_name, write_project
from starbolt.new.names import would_do
from starbolt.verbs import new

ROOT = Path(__file__).parents[2]
ABOUT = tomllib.loads((ROOT / "pyproject.toml").read_text())
RULES = ",".join(ABOUT["tool"]["ruff"]["lint"]["select"])
ENVIRONMENT = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    write_project("my_survey", tmp_path / "my_survey")
    return tmp_path / "my_survey"


def run(*command: object, where: Path, **more: str) -> subprocess.CompletedProcess:
    """The command in a folder; it must end well."""
    words = [str(word) for word in command]
    environment = ENVIRONMENT | more
    done = subprocess.run(words, cwd=where, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def everything(folder: Path) -> dict[str, bytes | None]:
    """All that a folder holds, hidden files too."""
    return {str(path): path.read_bytes() if path.is_file() else None for path in sorted(folder.rglob("*"))}


@pytest.mark.parametrize(
    ("name", "fault", "instead"),
    [
        ("My-Survey", "Python imports it", "my_survey"),
        ("2mass", "Python imports it", "my_2mass"),
        ("_survey", "Python imports it", "survey"),
        ("a/b", "Python imports it", "a_b"),
        ("Éclipses", "Python imports it", "eclipses"),
        ("", "Python imports it", "my_project"),
        ("--help-me", "Python imports it", "help_me"),
        ("lambda", "a word of Python's own", "my_lambda"),
        ("Class", "Python imports it", "my_class"),
        ("starbolt", "this library", "my_starbolt"),
        ("torch", "a module that is installed", "my_torch"),
        ("hydra_plugins", "a module that is installed", "my_hydra_plugins"),
        ("json", "a module that is installed", "my_json"),
        ("tests", "something else in its folder", "my_tests"),
        ("mlp", "model=mlp is something else", "my_mlp"),
        ("spectra", "data=spectra is something else", "my_spectra"),
        ("eros1", "experiment=eros1 is something else", "my_eros1"),
    ],
)
def test_a_name_that_will_not_do_is_refused_with_one_that_would(tmp_path, name, fault, instead):
    with pytest.raises(UserError, match=rf"{fault}.*; {instead} would do$") as caught:
        write_project(name, tmp_path / "out")
    assert repr(name) in str(caught.value)
    assert "\n" not in str(caught.value)
    refuse_name(instead)
    assert not list(tmp_path.iterdir())


def test_a_folder_here_takes_no_name_away(tmp_path, monkeypatch):
    (tmp_path / "my_survey").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))  # as `starbolt` does
    write_project("my_survey", Path("my_survey"))
    assert (tmp_path / "my_survey" / "my_survey" / "archive.py").is_file()
    monkeypatch.chdir(tmp_path.parent)
    assert would_do("my_survey") == "my_my_survey"  # from elsewhere it can be imported


def test_a_folder_that_holds_something_is_left_as_it_was(tmp_path):
    folder = tmp_path / "my_survey"
    folder.mkdir()
    (folder / ".hidden").write_text("mine")
    before = everything(tmp_path)
    with pytest.raises(UserError, match=r"not empty \(it holds \.hidden\).*output=FOLDER"):
        write_project("my_survey", folder)
    assert everything(tmp_path) == before


def test_a_file_and_the_current_folder_are_refused(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(UserError, match="is a file"):
        write_project("my_survey", tmp_path / "file")
    with pytest.raises(UserError, match="the folder that you are in"):
        write_project("my_survey", Path("."))
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["file", "here"]


@pytest.mark.parametrize("there", [False, True])
def test_what_cannot_be_written_to_the_end_leaves_nothing(tmp_path, monkeypatch, there):
    if there:
        (tmp_path / "my_survey").mkdir()
    before, left, write = everything(tmp_path), [5], Path.write_text

    def full(path: Path, *words: object, **more: object) -> int:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(28, "No space left on device")
        return write(path, *words, **more)

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="No space"):
        write_project("my_survey", tmp_path / "my_survey")
    assert everything(tmp_path) == before


def test_every_placeholder_is_replaced_and_no_suffix_is_left(project):
    files = [path for path in project.rglob("*") if path.is_file()]
    template = ROOT / "src" / "starbolt" / "new" / "template"
    assert len(files) == sum(path.is_file() for path in template.rglob("*"))  # none lacks its suffix
    for path in files:
        text = path.read_text(encoding="utf-8")
        assert not {"__project__", "__starbolt__"} & set(re.findall(r"__[a-z]+__", f"{path}\n{text}"))
        assert path.suffix != ".txt"


def test_its_settings_compose_and_name_its_classes(project):
    done = run(sys.executable, "-m", "starbolt", "train", "--compose", "experiment=my_survey", where=project)
    cfg = yaml.safe_load((Path(done.stdout.splitlines()[-1]) / "config.yaml").read_text())
    assert cfg["name"] == "my_survey"
    assert cfg["data"]["archive"]["_target_"] == "my_survey.archive.LightCurves"
    assert cfg["model"]["_target_"] == "my_survey.model.AttentionCNN"


def test_the_yaml_of_its_network_lists_the_arguments_and_their_defaults(tmp_path, monkeypatch):
    write_project("listed_survey", tmp_path / "listed")
    monkeypatch.syspath_prepend(str(tmp_path / "listed"))
    made = importlib.import_module("listed_survey.model").AttentionCNN
    wanted = {name: p.default for name, p in inspect.signature(made).parameters.items() if name != "shape"}
    listed = yaml.safe_load((tmp_path / "listed" / "conf" / "model" / "listed_survey.yaml").read_text())
    assert listed == {"_target_": "listed_survey.model.AttentionCNN"} | wanted


@pytest.mark.parametrize("name", ["a1", "my_survey", "zwicky_transients_of_2031"])
def test_its_code_is_in_order_whatever_its_name(tmp_path, name):
    write_project(name, tmp_path)  # an empty folder
    for words in (["check", "--select", RULES], ["format", "--check"]):
        run(sys.executable, "-m", "ruff", *words, "--isolated", "--line-length", "120", ".", where=tmp_path)


def test_its_files_for_pip_conda_and_github_can_be_read_and_agree(project):
    about = tomllib.loads((project / "pyproject.toml").read_text())
    assert about["project"]["name"] == "my_survey"
    assert about["project"]["dependencies"] == [f"starbolt>={__version__}"]
    assert about["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"] == ["my_survey"]
    conda = yaml.safe_load((project / "environment.yml").read_text())
    assert conda["name"] == "my_survey"
    job = yaml.safe_load((project / ".github" / "workflows" / "test.yml").read_text())["jobs"]["test"]
    assert job["strategy"]["matrix"]["python"] == ["3.11", "3.12"]
    assert job["steps"][-1]["run"] == "pytest"
    assert conda["dependencies"][-1]["pip"][0] in job["steps"][-2]["run"]  # starbolt comes from one place
    assert f"git+{ABOUT['project']['urls']['Documentation']}" in job["steps"][-2]["run"]


def test_its_job_for_slurm_does_what_ours_does(project):
    def commands(script: Path) -> list[str]:
        return [line for line in script.read_text().splitlines() if line.strip() and not line.startswith("#")]

    def orders(script: Path) -> set[str]:
        return set(re.findall(r"^#SBATCH --([a-z-]+)", script.read_text(), re.MULTILINE))

    own, ours = project / "slurm" / "train.sbatch", ROOT / "scripts" / "slurm" / "train.sbatch"
    assert commands(own) == commands(ours)
    assert orders(own) == orders(ours)
    run("bash", "-n", own, where=project)


def test_git_keeps_what_was_written_and_leaves_data_and_runs(project):
    written = {str(path.relative_to(project)) for path in project.rglob("*") if path.is_file()}
    for name in ("data/cat.fits", "example/objects.csv", "runs/a/last.ckpt", "sweeps/a/trials.json", "starbolt-7.log"):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text("large")
    run("git", "init", "-q", where=project)
    kept = run("git", "ls-files", "--others", "--exclude-standard", where=project).stdout.split()
    assert set(kept) == written


def test_it_prints_the_files_two_commands_and_the_folder(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    new.main(["my_survey", "output=deep/my folder"])
    lines = capsys.readouterr().out.splitlines()
    folder = tmp_path / "deep" / "my folder"
    assert lines[-1] == "deep/my folder"
    printed = {line.strip() for line in lines[: lines.index("")]}
    assert printed == {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert [line.strip() for line in lines[-4:-2]] == [
        f"cd 'deep/my folder' && {readme(folder)[0]}", readme(folder)[1],
    ]  # fmt: skip


def test_its_page_shows_the_commands_that_are_printed():
    page = (ROOT / "docs" / "new.md").read_text()
    shown = [re.sub(r"\s+#.*", "", line) for line in re.findall(r"```sh\n(.*?)```", page, re.DOTALL)[1].splitlines()]
    assert shown == list(new.commands("my_survey", Path("my_survey")))


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "say one name, as in starbolt new my_survey, and not none"),
        (["a1", "b1"], "and not a1 b1"),
        (["a1", "ouput=x"], "no setting 'ouput'; known is output=FOLDER"),
        (["a1", "output="], "output= names no folder"),
    ],
)
def test_other_words_are_told_in_a_sentence_and_write_nothing(tmp_path, monkeypatch, words, sentence):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=sentence):
        new.main(words)
    assert not list(tmp_path.iterdir())


def test_the_verb_imports_nothing_heavy(tmp_path):
    ask = "import sys; from starbolt.cli import main; main(sys.argv[1:]); print(*sys.modules, file=sys.stderr)"
    done = run(sys.executable, "-c", ask, "new", "my_survey", where=tmp_path)
    assert not {module.split(".")[0] for module in done.stderr.split()} & {"torch", "lightning", "hydra", "numpy"}
    assert done.stdout.splitlines()[-1] == "my_survey"


def readme(project: Path) -> list[str]:
    """The two commands of its README, without what is said of them."""
    block = re.search(r"## Two commands.*?```sh\n(.*?)```", (project / "README.md").read_text(), re.DOTALL)[1]
    return [re.sub(r"\s+#.*", "", line) for line in block.splitlines()]


@pytest.mark.slow
def test_the_commands_of_its_readme_run_its_own_tests_and_a_training(project, tmp_path):
    commands = [command for line in readme(project) for command in line.split(" && ")]
    assert [command.split()[0] for command in commands] == ["pip", "pytest", "python", "starbolt"]
    for command in commands[1:]:
        done = run("bash", "-c", command, where=project, STARBOLT_CACHE=str(tmp_path / "cache"))
    folder = Path(done.stdout.splitlines()[-1])
    assert folder.parent == project / "runs" / "my_survey"
    assert (folder / "report.html").is_file()


@pytest.mark.slow
def test_it_installs_beside_a_starbolt_that_is_there(project, tmp_path):
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    (site,) = (tmp_path / "venv").glob("lib/python*/site-packages")
    (site / "beside.pth").write_text(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")
    installed_or_skip(python, "install", "-e", ".[test]", where=project)
    run(python, "-c", "import my_survey.archive, my_survey.model", where=tmp_path)


@pytest.mark.slow
def test_the_wheel_holds_the_template(tmp_path):
    installed_or_skip(sys.executable, "wheel", "--no-deps", "-w", tmp_path, ROOT, where=tmp_path)
    (wheel,) = tmp_path.glob("starbolt-*.whl")
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("starbolt/new/template/")}
    template = ROOT / "src" / "starbolt" / "new" / "template"
    there = [path.relative_to(template).as_posix() for path in template.rglob("*") if path.is_file()]
    assert packed == {f"starbolt/new/template/{name}" for name in there}


def installed_or_skip(python: object, *words: object, where: Path) -> None:
    """pip with these words; skips where it cannot have hatchling, which builds."""
    command = [str(word) for word in (python, "-m", "pip", "--disable-pip-version-check", *words)]
    done = subprocess.run(command, cwd=where, capture_output=True, text=True, check=False)
    if done.returncode and "No matching distribution found for hatchling" in done.stderr:
        pytest.skip("pip cannot have hatchling here")
    assert done.returncode == 0, done.stdout + done.stderr
