# SPDX-License-Identifier: BSL-1.0
"""Three projects of tests/consumer use mantis as strangers do, and their programs run: one with a
Meson wrap, one with pkg-config, one with CMake's find_package. The last two see an installed copy,
moved after it was installed."""

import os
import shutil
import tarfile
import tempfile
from pathlib import Path

import gate


def step(arguments, folder, **environment):
    """Runs one command in `folder`; returns what it said when it failed."""
    failed, said = gate.command(
        arguments, cwd=folder, env={**os.environ, "CXX": "ccache g++", **environment}
    )
    return [f"{' '.join(str(word) for word in arguments)}: {gate.tail(said)}"] if failed else []


def run_programs(built, scratch):
    """The first keeps a store in a fresh directory."""
    shutil.rmtree(scratch / "db", ignore_errors=True)
    return step([built / "consumer", scratch / "db"], scratch) + step(
        [built / "consumer_json"], scratch
    )


def copy_consumer(root, kind, scratch):
    """The project and the programs beside it, so that nothing of the tree but a package can be
    found."""
    place = scratch / kind
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(root / "tests" / "consumer" / kind, place / kind)
    for source in (root / "tests" / "consumer").glob("*.cpp"):
        shutil.copy(source, place)
    return place / kind


def install(scratch):
    """Installs the project and moves what it installed. Returns the place, and what went wrong."""
    built, first, second = scratch / "built", scratch / "first", scratch / "second"
    failed = step(["meson", "setup", f"--prefix={first}", built, gate.ROOT], scratch)
    failed = failed or step(["meson", "install", "-C", built, "--no-rebuild", "--quiet"], scratch)
    if not failed:
        shutil.move(first, second)
    return second, failed


def archive(scratch):
    """What a release holds, as Meson's wraps expect it: one folder with everything in it."""
    path = scratch / "mantis.tar.gz"
    with tarfile.open(path, "w:gz", compresslevel=1) as packed:
        for name in gate.tree(gate.ROOT):
            packed.add(gate.ROOT / name, f"mantis/{name}")
    return path


def with_meson(root, scratch, release):
    place = copy_consumer(root, "meson", scratch)
    (place / "subprojects" / "packagefiles").mkdir()
    shutil.copy(release, place / "subprojects" / "packagefiles")
    failed = step(["meson", "setup", "--wrap-mode=default", "built"], place)
    failed = failed or step(["ninja", "-C", "built"], place)
    return failed or run_programs(place / "built", scratch)


def with_pkg_config(root, scratch, installed):
    place = copy_consumer(root, "pkg-config", scratch)
    built = place / "built"
    built.mkdir()
    # The file says where it was installed; --define-prefix asks for where it is.
    (scratch / "bin").mkdir(exist_ok=True)
    wrapper = scratch / "bin" / "pkg-config"
    wrapper.write_text(f'#!/bin/sh\nexec {shutil.which("pkg-config")} --define-prefix "$@"\n')
    wrapper.chmod(0o755)
    failed = step(
        ["./build", built],
        place,
        PKG_CONFIG_PATH=str(installed / "share" / "pkgconfig"),
        PATH=f"{scratch}/bin:{os.environ['PATH']}",
    )
    return failed or run_programs(built, scratch)


def with_cmake(root, scratch, installed):
    place = copy_consumer(root, "cmake", scratch)
    failed = step(
        [
            "cmake",
            "-S",
            ".",
            "-B",
            "built",
            f"-DCMAKE_PREFIX_PATH={installed}",
            "-DCMAKE_CXX_COMPILER=g++",
            "-DCMAKE_CXX_COMPILER_LAUNCHER=ccache",
        ],
        place,
        CXX="g++",
    )
    failed = failed or step(["cmake", "--build", "built"], place)
    return failed or run_programs(place / "built", scratch)


def try_all(root, scratch, release, installed):
    return {
        "a Meson project with a wrap": with_meson(root, scratch, release),
        "a program with pkg-config": with_pkg_config(root, scratch, installed),
        "a CMake project with find_package": with_cmake(root, scratch, installed),
    }


def spoiled(scratch):
    """The consumers with a program that ends with 1: each way of building must notice."""
    root = scratch / "spoiled"
    shutil.copytree(gate.ROOT / "tests" / "consumer", root / "tests" / "consumer")
    for name in ("main.cpp", "json.cpp"):
        (root / "tests" / "consumer" / name).write_text(
            "#include <mantis/config.hpp>\nint main() { return 1; }\n"
        )
    return root


def check(_):
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        installed, failed = install(scratch)
        if failed:
            return {"install": failed}
        release = archive(scratch)
        cases = {
            "install": installed_headers(installed),
            **try_all(gate.ROOT, scratch, release, installed),
        }
        for name, problems in try_all(spoiled(scratch), scratch, release, installed).items():
            cases[f"self-test: {name} that fails"] = [] if problems else ["was not noticed"]
    return cases


def installed_headers(installed):
    """Every header is installed under its own path, and nothing else is."""
    found = {
        str(path.relative_to(installed / "include"))
        for path in (installed / "include").rglob("*.*")
    }
    return [
        f"{name}: only in one of the tree and the installed copy"
        for name in sorted(found ^ set(gate.headers(gate.ROOT)))
    ]


if __name__ == "__main__":
    gate.main(check, ())
