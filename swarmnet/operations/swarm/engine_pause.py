"""Scripts that stop a host's engine for a moment, read or replace the folder of its swarm, and start it again.

An engine that is stopped by a run over SSH must not stay down when that run dies. So a guard on the host stops it and
starts it, and the run only works in between: the guard waits for the end of the run's process, for so many seconds at
most. It is a process of its own session (``setsid``), or a unit of its own where systemd runs the host
(``systemd-run``), so that neither the end of the connection nor a log-out ends it. After a reboot the host starts its
engine by itself.

An engine of systemd is stopped and started as a unit, with its socket, which would start it again at the next request.
Any other is a process: it gets SIGTERM, and is started with the same arguments, environment, folder and log.

The engine is the process that ``/run/docker.pid`` names, the default of dockerd's ``--pidfile``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from swarmnet.model.ports import Completed

NO_ENGINE = 64
"""No engine runs there that could be stopped."""
NOT_STOPPED = 65
"""The engine did not stop; the guard starts it again."""
TOO_LATE = 66
"""The engine was started again before the work was done, by the guard or by something else on the host."""
HOLDS_A_SWARM = 67
"""The engine's folder of the swarm holds a node already."""
NOT_WHOLE = 68
"""What arrived is not the folder of a manager."""
_REASONS = {
    NO_ENGINE: "/run/docker.pid names no engine: only one with that file can be stopped and started",
    NOT_STOPPED: "the engine did not stop",
    TOO_LATE: "the engine was started again before its state was read",
    HOLDS_A_SWARM: "its engine is in a swarm",
    NOT_WHOLE: "what arrived there is not the state of a manager",
}

_RUNNING = """
running() { now=$(cat /run/docker.pid 2>/dev/null) && [ "$(cat "/proc/$now/comm" 2>/dev/null)" = dockerd ]; }
"""

# Words: folder, process of the run, seconds at most, unit, socket, process of the engine.
_GUARD = (
    _RUNNING
    + """
folder=$1; run=$2; limit=$3; unit=$4; socket=$5; pid=$6
trap '' HUP INT TERM PIPE
begin() {
 if [ -n "$unit" ]; then systemctl start $socket "$unit"; return; fi
 running && return
 ( cd "$(cat "$folder/cwd")" || cd /
   cat "$folder/environ" "$folder/cmdline" | setsid xargs -0 env -i ) >>"$(cat "$folder/log")" 2>&1 </dev/null &
}
if [ -n "$unit" ]; then systemctl stop $socket "$unit"; else kill -TERM "$pid"; fi
i=0; while running && [ $i -lt 900 ]; do sleep 0.1; i=$((i+1)); done
if ! running; then
 : > "$folder/stopped"
 i=0; while kill -0 "$run" 2>/dev/null && [ ! -e "$folder/done" ] && [ $i -lt $((limit*5)) ]; do
  sleep 0.2; i=$((i+1)); done
fi
: > "$folder/over"
for attempt in 1 2 3; do
 running || begin
 i=0; until running || [ $i -ge 100 ]; do sleep 0.1; i=$((i+1)); done
done
if [ -e "$folder/reader" ]; then kill "$(cat "$folder/reader")" 2>/dev/null; fi
rm -rf "$folder"
"""
)

_STOP = (
    _RUNNING
    + """
set -u
root=$1; limit=$2; guard=$3
umask 077
running || exit 64
pid=$now
folder=$(mktemp -d /run/swarmnet-pause.XXXXXX) || exit 64
unit=; socket=
if [ -d /run/systemd/system ]; then
 unit=$(sed -n 's#^.*/\\([^/]*[.]service\\)$#\\1#p' "/proc/$pid/cgroup" | head -n 1)
 if [ "$unit" = docker.service ] && systemctl -q is-active docker.socket; then socket=docker.socket; fi
fi
grep -zv '^SWARMNET_RUN=' "/proc/$pid/environ" > "$folder/environ"
cat "/proc/$pid/cmdline" > "$folder/cmdline"
readlink "/proc/$pid/cwd" > "$folder/cwd"
log=$(readlink "/proc/$pid/fd/1"); [ -f "$log" ] || log=/dev/null; echo "$log" > "$folder/log"
set -- "$folder" "$$" "$limit" "$unit" "$socket" "$pid"
unset SWARMNET_RUN
if [ -n "$unit" ]; then
 systemd-run --quiet --collect sh -c "$guard" sh "$@" || { rm -rf "$folder"; exit 64; }
else setsid sh -c "$guard" sh "$@" </dev/null >/dev/null 2>&1 & fi
i=0; until [ -e "$folder/stopped" ]; do
 [ -d "$folder" ] && [ ! -e "$folder/over" ] || exit 65
 sleep 0.1; i=$((i+1)); done
held() { [ -e "$folder/stopped" ] && [ ! -e "$folder/over" ] && ! running; }
"""
)

READ = (
    _STOP
    + """
tar -C "$root" -cz swarm & echo $! > "$folder/reader"
wait $!; code=$?
held || exit 66
: > "$folder/done"
exit $code
"""
)

PUT = """
set -u
root=$1
umask 077
rm -rf "$root/swarm.swarmnet"
mkdir "$root/swarm.swarmnet" || exit 1
trap 'rm -rf "$root/swarm.swarmnet"' EXIT
tar -C "$root/swarm.swarmnet" -xz || exit $?
cd "$root/swarm.swarmnet/swarm" || exit 68
[ -f docker-state.json ] && [ -f certificates/swarm-node.crt ] && [ -f certificates/swarm-node.key ] || exit 68
[ -d raft ] || exit 68
sync
trap - EXIT
"""

SWAP = (
    """
keep=$4
"""
    + _STOP
    + """
in_swarm() { [ -e "$root/swarm/docker-state.json" ]; }
if in_swarm; then : > "$folder/done"; exit 67; fi
held || exit 66
[ -n "$keep" ] || rm "$root/swarm.swarmnet/swarm/docker-state.json"
rm -rf "$root/swarm" && mv "$root/swarm.swarmnet/swarm" "$root/swarm"; code=$?
rmdir "$root/swarm.swarmnet"
sync
held || code=66
: > "$folder/done"
exit $code
"""
)

DROP = 'rm -rf "$1/swarm.swarmnet"'


def read_folder(data_root: str, limit: int) -> tuple[str, ...]:
    """Return the command that stops the engine and prints the folder of its swarm as a packed archive.

    It ends with 0 only where the engine was stopped all the time.

    Args:
        data_root: the engine's folder of state.
        limit: seconds after which the engine is started again whatever happened.
    """
    return ("sh", "-c", READ, "sh", data_root, str(limit), _GUARD)


def put_folder(data_root: str) -> tuple[str, ...]:
    """Return the command that unpacks such an archive from its input next to the folder; the engine goes on."""
    return ("sh", "-c", PUT, "sh", data_root)


def swap_folder(data_root: str, limit: int, *, keep: bool = False) -> tuple[str, ...]:
    """Return the command that stops the engine, puts what was unpacked in the folder's place, and starts it again.

    Unless ``keep`` is true, ``docker-state.json`` stays out: without it the engine starts in no swarm, and looks at
    the folder when it is asked to begin the swarm again. With it, an engine whose certificate has expired since is in
    an error that only leaving ends: it refuses to begin the swarm again, since it is not a manager (seen on 20.10 and
    28.5). The state of an autolocked swarm is kept whole: its engine waits for the key.
    """
    return ("sh", "-c", SWAP, "sh", data_root, str(limit), _GUARD, "keep" if keep else "")


def drop_folder(data_root: str) -> tuple[str, ...]:
    """Return the command that removes what was unpacked."""
    return ("sh", "-c", DROP, "sh", data_root)


def reason(ended: Completed) -> str:
    """Return in words why one of the commands failed."""
    said = ended.stderr.decode(errors="replace").strip()
    return _REASONS.get(ended.exit_code, said[-300:] or f"it ended with {ended.exit_code}")
