"""Our own CAN back end, the daemon on it and its systemd unit, against a real kernel in a VM.

Containers and build machines often have a kernel without CAN, so everywhere else in these tests the
socket is replaced. This boots a Debian kernel in qemu (`../shared/vm/run-vm-test.sh`), runs
payload/on_vcan.py there, and shows each of its checks as a test of this machine's run. The VM's
processor is emulated, 12 to 20 times slower: what is proven is behaviour, never speed.

    sudo .venv/bin/python -m pytest -m slow tests/system

DMS_VM_DIR: where the VM's root file system is cached and results are left (default: a folder in
the temporary directory).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from importlib import metadata
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from packaging.requirements import Requirement

import dms
from dms.source import open_source

ROOT = Path(__file__).resolve().parent.parent.parent
HARNESS = ROOT.parent / "shared" / "vm" / "run-vm-test.sh"
PAYLOAD = Path(__file__).with_name("payload")
CHECKS = re.findall(r"^ *def (test_\w+)", (PAYLOAD / "on_vcan.py").read_text(), re.MULTILINE)
TOOLS = ("qemu-system-x86_64", "qemu-img", "mmdebstrap", "mkfs.ext4", "cpio", "depmod")
NOT_NEEDED = {"opencv-python-headless"}
"""150 MB that a daemon on raw frames does not load."""
GUEST_PYTHON = (3, 11)
BOOT_TIMEOUT_S = 1500

pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def vm_dir() -> Path:
    """Where the VM works. Skips where it cannot run."""
    if not HARNESS.is_file():
        pytest.skip("no VM harness in ../shared/vm")
    if os.geteuid() != 0:
        pytest.skip("the VM's root file system is made as root")
    if missing := [tool for tool in TOOLS if shutil.which(tool) is None]:
        pytest.skip(f"missing: {', '.join(missing)}")
    if sys.version_info[:2] != GUEST_PYTHON:
        pytest.skip("the VM has Python 3.11, and this Python's wheels do not fit it")
    return Path(os.environ.get("DMS_VM_DIR", Path(tempfile.gettempdir()) / "dms-vm"))


@pytest.fixture(scope="session")
def results(
    vm_dir: Path, demo_drive: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """What became of each check in the VM: nothing when it passed, else why not."""
    payload = tmp_path_factory.mktemp("payload")
    fill(payload, demo_drive)
    environment = {**os.environ, "BOOT_TIMEOUT": str(BOOT_TIMEOUT_S)}
    command = [str(HARNESS), str(vm_dir), str(payload)]
    report = vm_dir / "results" / "stage0" / "junit.xml"
    report.unlink(missing_ok=True)
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    shutil.rmtree(payload)
    assert report.is_file(), f"the VM told nothing:\n{done.stdout}\n{done.stderr}"
    found = dict[str, str]()
    for case in ET.parse(report).iter("testcase"):
        name = case.attrib["name"].partition("[")[0]
        found[name] = found.get(name, "") + failure(case)
    return found


def fill(payload: Path, drive: Path) -> None:
    """All that the VM needs: the checks, the installed program, frames of the bundled drive."""
    shutil.copytree(PAYLOAD, payload, dirs_exist_ok=True)
    for name in needed("dms") | needed("pytest"):
        for file in metadata.files(name) or ():
            source = Path(str(file.locate()))
            if ".." not in file.parts and source.is_file():
                copy(source, payload / "site" / file)
    # an editable install has its sources elsewhere
    sources = Path(dms.__file__).parent
    for source in sources.rglob("*.py"):
        copy(source, payload / "site" / "dms" / source.relative_to(sources))
    copy(ROOT / "configs" / "dms.service", payload / "dms.service")
    frames = islice(open_source(str(drive)).frames(), 0, 90, 10)
    np.save(payload / "frames.npy", np.stack([frame.image for frame in frames]))


def needed(name: str) -> set[str]:
    """A distribution and all that it requires."""
    found, asked = set[str](), [name]
    while asked:
        one = asked.pop()
        if one not in found | NOT_NEEDED:
            found.add(one)
            wanted = map(Requirement, metadata.requires(one) or ())
            asked += [r.name for r in wanted if not r.marker or r.marker.evaluate({"extra": ""})]
    return found


def copy(source: Path, target: Path) -> None:
    """With its time, which compiled Python files are held against."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source, target)


def failure(case: ET.Element) -> str:
    """Why a check did not pass."""
    wrong = [child for child in case if child.tag in ("failure", "error", "skipped")]
    return "\n".join(child.text or child.attrib.get("message", "") for child in wrong)


@pytest.mark.parametrize("name", CHECKS)
def test_in_a_vm(results: dict[str, str], name: str) -> None:
    assert results.get(name, "the VM did not get that far") == ""
