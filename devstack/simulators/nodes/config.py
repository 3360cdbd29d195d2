"""The settings of the nodes process: which ports it listens on and where its machines live on disk."""

from pathlib import Path

import msgspec


class NodesConfig(msgspec.Struct, frozen=True):
    """Ports and folder of one nodes process; port 0 of the control port means "any free one" (tests)."""

    data_dir: Path
    control_port: int
    ssh_port: int


class _Ports(msgspec.Struct):
    control_port: int
    ssh_port: int


class _File(msgspec.Struct):
    data_dir: str
    nodes: _Ports


def load_config(path: Path) -> NodesConfig:
    """Read the shared configuration file of the simulators; raises msgspec.ValidationError or OSError."""
    raw = msgspec.json.decode(path.read_bytes(), type=_File)
    return NodesConfig(
        data_dir=Path(raw.data_dir).resolve() / "nodes",
        control_port=raw.nodes.control_port,
        ssh_port=raw.nodes.ssh_port,
    )
