"""The simulated nvidia-smi prints what programs that read the real one expect."""

import os
import subprocess
from pathlib import Path

import pytest

from devstack.simulators.nodes.machine import Gpu
from devstack.simulators.nodes.nvidia_smi import bus_id, render

GPUS = tuple(
    Gpu(index=i, name="NVIDIA H100 80GB HBM3", memory_mib=81559, uuid=f"GPU-{i}{i}{i}{i}", pci="0000:1b:00.0")
    for i in range(3)
)
FIELDS = "index,name,uuid,memory.total,memory.used,utilization.gpu,temperature.gpu,power.draw"


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "nvidia-smi"
    path.write_text(render(GPUS))
    return path


def run(script: Path, *arguments: str, now: int = 1000) -> tuple[int, str]:
    env = {**os.environ, "NVIDIA_SMI_NOW": str(now)}
    done = subprocess.run(["/bin/sh", script, *arguments], env=env, capture_output=True, text=True)
    assert done.stderr == ""
    return done.returncode, done.stdout


def test_the_list(script: Path) -> None:
    assert run(script, "-L") == (0, "".join(f"GPU {g.index}: {g.name} (UUID: {g.uuid})\n" for g in GPUS))


def test_a_query_as_csv(script: Path) -> None:
    status, text = run(script, f"--query-gpu={FIELDS}", "--format=csv")
    head, first, *_ = text.splitlines()
    assert status == 0
    assert head == (
        "index, name, uuid, memory.total [MiB], memory.used [MiB], utilization.gpu [%], temperature.gpu, power.draw [W]"
    )
    values = first.split(", ")
    assert values[:4] == ["0", "NVIDIA H100 80GB HBM3", "GPU-0000", "81559 MiB"]
    assert [value.rpartition(" ")[2] for value in (values[4], values[5], values[7])] == ["MiB", "%", "W"]


def test_a_query_without_header_and_units_is_numbers_in_their_bounds(script: Path) -> None:
    for now in range(0, 200, 7):
        _, text = run(script, f"--query-gpu={FIELDS}", "--format=csv,noheader,nounits", now=now)
        assert len(text.splitlines()) == 3
        for line in text.splitlines():
            _, _, _, total, used, load, heat, power = line.split(", ")
            assert 0 < int(used) < int(total) == 81559
            assert 0 <= int(load) <= 100
            assert 30 <= int(heat) <= 90
            assert 0 < float(power) <= 700


def test_figures_move_with_time_and_with_nothing_else(script: Path) -> None:
    query = ("--query-gpu=utilization.gpu", "--format=csv,noheader,nounits")
    assert run(script, *query, now=10) == run(script, *query, now=10)
    assert run(script, *query, now=10) != run(script, *query, now=20)


def test_the_table_is_as_wide_as_the_real_one(script: Path) -> None:
    status, text = run(script)
    lines = text.splitlines()
    assert status == 0
    assert {len(line) for line in lines[1:] if line} == {91}
    assert text.count("NVIDIA H100 80GB HBM3") == 3
    assert "|   2  NVIDIA H100 80GB HBM3" in text


def test_one_gpu_can_be_chosen_and_an_unknown_field_is_refused(script: Path) -> None:
    assert run(script, "-i", "1", "-L") == (0, "GPU 1: NVIDIA H100 80GB HBM3 (UUID: GPU-1111)\n")
    assert run(script, "--query-gpu=colour", "--format=csv") == (
        2,
        'Field "colour" is not a valid field to query.\n',
    )


def test_no_gpu_at_all_is_said_so(tmp_path: Path) -> None:
    path = tmp_path / "nvidia-smi"
    path.write_text(render(()))
    assert run(path) == (6, "No devices were found\n")


def test_bus_ids_are_in_nvidias_notation() -> None:
    assert bus_id(GPUS[0]) == "00000000:1B:00.0"
    assert bus_id(Gpu(index=1, name="", memory_mib=0, uuid="", pci="10de:26b9")) == "00000000:2C:00.0"
