"""A SLURM of this machine alone, for tests: its daemons, GPUs that are none, and its client's environment."""

import os
import secrets
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

NEEDED = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "scontrol", "sinfo")

_SLURM_CONF = """\
ClusterName=lab
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/run/munge.sock
SlurmctldPort={ports[0]}
SlurmctldPidFile={folder}/run/slurmctld.pid
SlurmdPidFile={folder}/run/slurmd.%n.pid
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool/%n
SlurmctldLogFile={folder}/log/slurmctld.log
SlurmdLogFile={folder}/log/slurmd.%n.log
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory,CR_LLN
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
ReturnToService=2
MailProg=/bin/true
MinJobAge=3600
SchedulerParameters=sched_interval=2,bf_interval=2
GresTypes=gpu
PartitionName=gpu Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""

_NODE = "NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs=8 RealMemory=64000 Gres=gpu:fake:4\n"

# Without an accounting daemon sacct fails; squeue knows the finished jobs too, for an hour (MinJobAge).
_SACCT = """\
#!/bin/sh
name=
while [ $# -gt 0 ]; do case $1 in --name) name=$2; shift;; --name=*) name=${1#*=};; esac; shift; done
[ -n "$name" ] || exit 0
exec squeue --states=all --noheader --name "$name" --format='%i|%T'
"""


def why_not() -> str | None:
    """Say why such a SLURM cannot be started here, or None."""
    missing = [name for name in NEEDED if shutil.which(name, path=_path()) is None]
    if missing:
        return f"{', '.join(missing)} not installed (Debian: apt-get install slurmctld slurmd slurm-client munge)"
    if " " in sys.executable:  # see docs/operations.md: Snakemake's jobs would not start
        return "the environment's path holds a space, which Snakemake does not quote for SLURM"
    return None if os.geteuid() == 0 else "needs root, to start SLURM's daemons"


def _free_ports(n: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(n)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def _path() -> str:
    return f"{os.environ['PATH']}:/usr/sbin:/usr/bin"


class Lab:
    """The daemons, from `start` to `stop`.

    Parameters
    ----------
    folder
        Where they keep their files.
    own
        A node for each: what the node's jobs see in the place of `at`. The folder that all of these are in is hidden
        from the jobs. If there is none: one node, which sees all.
    at
        The folder in which jobs are sent.
    """

    def __init__(self, folder: Path, own: Sequence[Path] = (), at: Path | None = None) -> None:
        self.folder, self.at = folder, at
        host = socket.gethostname().partition(".")[0]
        for name in ("etc", "state", "spool", "log", "run", "dev", "bin"):
            (folder / name).mkdir(parents=True)
        self.nodes: dict[str, Path | None] = {f"node{i}": path for i, path in enumerate(own)} or {host: None}
        ports = _free_ports(1 + len(self.nodes))
        key = folder / "run/munge.key"
        key.write_bytes(secrets.token_bytes(1024))
        key.chmod(0o600)
        for i in range(4):  # device files, or CUDA_VISIBLE_DEVICES is not set: each is another /dev/null
            os.mknod(folder / f"dev/nvidia{i}", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
        conf = [_SLURM_CONF.format(folder=folder, host=host, ports=ports)]
        conf += [
            _NODE.format(name=name, host=host, port=port) for name, port in zip(self.nodes, ports[1:], strict=True)
        ]
        (folder / "etc/slurm.conf").write_text("".join(conf))
        (folder / "etc/gres.conf").write_text(f"Name=gpu Type=fake File={folder}/dev/nvidia[0-3]\n")
        (folder / "etc/cgroup.conf").write_text("CgroupPlugin=cgroup/v1\n")
        # the plugin takes SLURM's variables from the environment before its inner srun, which must find its cluster
        srun = f'#!/bin/sh\nSLURM_CONF={folder}/etc/slurm.conf exec {shutil.which("srun", path=_path())} "$@"\n'
        for name, text in (("srun", srun), ("sacct", _SACCT)):
            (folder / "bin" / name).write_text(text)
            (folder / "bin" / name).chmod(0o755)
        self.env = os.environ | {
            "SLURM_CONF": str(folder / "etc/slurm.conf"),
            "PATH": f"{folder}/bin:{_path()}",
            "OMP_NUM_THREADS": "1",
        }

    def start(self) -> None:
        run = self.folder / "run"
        options = [f"--key-file={run}/munge.key", f"--socket={run}/munge.sock", f"--pid-file={run}/munged.pid"]
        options += [f"--log-file={self.folder}/log/munged.log", f"--seed-file={run}/munged.seed", "--num-threads=2"]
        self.call("munged", *options, "--force")
        self.start_controller()
        for name, own in self.nodes.items():
            if own is None:
                self.call("slurmd", "-N", name)
            else:  # in a mount namespace of its own
                mount = 'mount --bind "$1" "$3" && mount -t tmpfs none "$2" && exec slurmd -N "$4"'
                where = [str(own), str(own.parent), str(self.at)]
                self.call("unshare", "--mount", "sh", "-c", mount, "sh", *where, name)
        idle = ["idle"] * len(self.nodes)
        wait(lambda: self.call("sinfo", "-h", "-N", "-o", "%T").split() == idle, 20, "no idle node")

    def start_controller(self) -> None:
        self.call("slurmctld")

    def stop_controller(self) -> None:
        self._end("slurmctld")

    def stop(self) -> None:
        try:
            self.call("scancel", "-u", "root")
            wait(lambda: not self.jobs(), 10, "jobs left")
        except (subprocess.SubprocessError, AssertionError):
            pass  # the daemons end all the same
        for name in (*(f"slurmd.{node}" for node in self.nodes), "slurmctld", "munged"):
            self._end(name)

    def jobs(self) -> dict[str, str]:
        """State by id of the jobs that wait or run."""
        lines = self.call("squeue", "-h", "-o", "%i %T").splitlines()
        return dict(line.split() for line in lines)

    def describe(self, job: str) -> str:
        return self.call("scontrol", "show", "job", job)

    def call(self, *command: str) -> str:
        done = subprocess.run(command, env=self.env, capture_output=True, text=True, timeout=30, check=True)
        return done.stdout

    def _end(self, name: str) -> None:
        """End a daemon by the id in its own file, the second time for good."""
        file = self.folder / "run" / f"{name}.pid"
        if not file.exists():
            return
        pid = int(file.read_text())
        for sign in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.kill(pid, sign)
                wait(lambda: not _alive(pid), 5, "still there")
            except ProcessLookupError:
                break
            except AssertionError:
                continue
            break
        file.unlink(missing_ok=True)


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def wait(ready: Callable[[], bool], seconds: float, why: str) -> None:
    """Wait until something holds.

    Raises
    ------
    AssertionError
        It did not in time.
    """
    end = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < end, why
        time.sleep(0.1)
