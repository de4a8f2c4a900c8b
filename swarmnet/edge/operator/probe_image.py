"""Pack a tiny image with this machine's own Python, for hosts that reach no registry.

What the interpreter needs is asked of the interpreter itself: it imports what the probe imports and says which files
that loaded; ``ldd`` names the shared libraries. Two layers (interpreter, and its libraries), no shell,
no package manager: about 6 MB compressed. The same interpreter gives the same bytes, so the tag is their hash.
"""

from __future__ import annotations

import ast
import base64
import gzip
import hashlib
import io
import json
import os
import platform
import re
import struct
import subprocess
import sys
import tarfile
import zlib
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from platformdirs import user_cache_path

from swarmnet.edge.operator.children import child_environment
from swarmnet.edge.operator.image_archive import parsed_archive, read_archive
from swarmnet.edge.operator.private_cache import cached
from swarmnet.errors import UsageError
from swarmnet.model.host_image import GO_WORDS, go_word
from swarmnet.model.verification import ProbeKit

if TYPE_CHECKING:
    from collections.abc import Iterable

    from swarmnet.edge.operator.image_archive import ProbeArchive

MODULES = (
    "wire",
    "server",
    "datagrams",
    "flows",
    "streams",
    "names",
    "web",
    "reach",
    "openings",
    "listeners",
    "sizes",
    "netlink",
    "cards",
    "host",
    "ipsec",
    "neighbours",
    "capture",
    "injection",
    "bpf",
    "watch",
    "trials",
    "turns",
    "observer",
    "knocks",
    "main",
)
"""The probe's modules, each after those that it imports."""
LIBRARIES = "usr/lib/swarmnet"
BOOT = (
    "import _thread,base64,json,sys,zlib\n"
    "t,g=_thread.RLock(),object.__getattribute__\n"
    "class M(type(sys)):\n"
    " def __getattribute__(m,k):\n"
    "  with t:\n"
    "   d=g(m,'__dict__');s=d.pop('-','')\n"
    "   if s:\n"
    "    exec(compile(s,d['__name__'],'exec'),d);m.__class__=type(sys)\n"
    "  return g(m,k)\n"
    "for n,s in json.loads(zlib.decompress(base64.b64decode(sys.argv[1]))):\n"
    " m=sys.modules[n]=M(n);g(m,'__dict__')['-']=s\n"
    " p=sys.modules.get(n.rpartition('.')[0])\n"
    " p and setattr(p,n.rpartition('.')[2],m)\n"
    "sys.exit(m.main(sys.argv[2:]))"
)
"""Starts the probe. Each module is compiled when something of it is first used: a probe answers few kinds of questions,
and compiling all of them takes as long as the start of Python. Other threads wait until a module is whole."""
_COLLECT = """
import sys
for name in sys.argv[1:]:
    __import__(name)
import encodings.ascii, encodings.latin_1, encodings.utf_8
files = {n: getattr(m, "__file__", None) for n, m in sys.modules.items() if n != "__main__"}
import base64, importlib._bootstrap_external as external, json, sysconfig
stdlib, modules = sysconfig.get_path("stdlib"), {}
for name, file in sorted(files.items()):
    if file and file.endswith(".py"):
        target = stdlib + "/" + name.replace(".", "/") + ("/__init__.pyc" if file.endswith("__init__.py") else ".pyc")
        code = compile(open(file, "rb").read(), target, "exec", dont_inherit=True, optimize=0)
        modules[target] = base64.b64encode(external._code_to_hash_pyc(code, bytes(8), False)).decode()
binaries = {f: "" for f in files.values() if f and not f.endswith(".py")}
print(json.dumps({"modules": modules, "binaries": binaries, "prefix": {"": sys.base_prefix}}))
"""
"""Runs in the interpreter that is packed. Bytecode carries no time and is not compared with a source; it is made in a
fresh process, in order, because its bytes depend on what the process did before."""
ELF64_LITTLE = b"\x7fELF\x02\x01"
PT_LOAD = 1


def probe_argv() -> tuple[str, ...]:
    """Return the command that runs the probe in any image with ``python3``: its source travels along."""
    text = base64.b64encode(zlib.compress(json.dumps(_sources()).encode(), 9)).decode()
    return ("python3", "-I", "-S", "-c", BOOT, text)


def _sources() -> list[tuple[str, str]]:
    folder = resources.files("swarmnet.probe")
    modules = [(f"swarmnet.probe.{name}", folder.joinpath(f"{name}.py").read_text("utf-8")) for name in MODULES]
    return [("swarmnet", ""), ("swarmnet.probe", ""), *modules]


def from_reference(reference: str) -> ProbeKit:
    """Return the kit for an image that the hosts have, or pull."""
    return ProbeKit(reference=reference, argv=probe_argv())


def from_archive(path: Path) -> ProbeKit:
    """Return the kit for an image archive (``docker save``) that names its image.

    Raises:
        UsageError: The file does not exist, or it is not an image archive with exactly one tag.
    """
    return _kit(read_archive(path))


def _kit(image: ProbeArchive) -> ProbeKit:
    return ProbeKit(
        reference=image.reference,
        argv=probe_argv(),
        archive=image.data,
        image_id=image.image_id,
        architecture=next((name for name, go in GO_WORDS.items() if go == image.machine), None),
    )


def packed(cache: Path | None = None) -> ProbeKit:
    """Return the kit for an image made of this machine's Python; made once, then taken from the cache.

    Args:
        cache: folder; None means the user's cache folder.

    Raises:
        UsageError: This machine's Python cannot be packed for Linux hosts.
    """
    if sys.platform != "linux":
        raise UsageError(
            f"a probe image can be packed on Linux only, not on {sys.platform}",
            hint="give --probe-image with any image that has python3 >= 3.8, or --probe-archive with a file of it",
        )
    folder = cache or user_cache_path("swarmnet", appauthor=False) / "probe"
    return _kit(parsed_archive(cached(folder, _fingerprint(), build)))


def build() -> bytes:
    """Return the image archive, gzipped; the same interpreter and libraries give the same bytes."""
    found = _interpreter()
    files = _python_files(found)
    binaries = [_executable(), *found["binaries"]]
    layers = [_layer(_libraries(binaries), {}), _layer(files, {"usr/bin/python3": _executable()})]
    machine = platform.machine()
    config = {
        "architecture": go_word(machine),
        "os": "linux",
        "config": {
            "Env": ["PATH=/usr/bin", f"LD_LIBRARY_PATH=/{LIBRARIES}", f"PYTHONHOME={found['prefix']['']}"],
            "Labels": {"io.swarmnet.probe.image": "1"},
        },
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}" for layer in layers]},
        "created": "2020-01-01T00:00:00Z",
        "history": [{"created": "2020-01-01T00:00:00Z", "created_by": "swarmnet"}] * len(layers),
    }
    body = json.dumps(config, sort_keys=True).encode()
    digest = hashlib.sha256(body).hexdigest()
    names = [f"{hashlib.sha256(layer).hexdigest()}/layer.tar" for layer in layers]
    manifest = [{"Config": f"{digest}.json", "RepoTags": [f"swarmnet-probe:{digest[:12]}"], "Layers": names}]
    members: dict[str, bytes] = {f"{digest}.json": body}
    members |= dict(zip(names, layers, strict=True))
    members["manifest.json"] = json.dumps(manifest).encode()
    return gzip.compress(_layer(members, {}), 6, mtime=0)


def _executable() -> str:
    return str(Path(sys.executable).resolve())


def _fingerprint() -> str:
    """Return what tells this interpreter, and this way of packing, from others."""
    status = Path(_executable()).stat()
    text = "\n".join((sys.version, _executable(), str(status.st_size), str(status.st_mtime_ns), platform.machine()))
    own = Path(__file__).read_bytes()
    return hashlib.sha256(text.encode() + own).hexdigest()[:16]


def _imports() -> list[str]:
    """Return the names of the standard modules that the probe and its start import."""
    found = {"base64", "json", "sys", "zlib"}
    for _, source in _sources():
        for node in ast.parse(source).body:
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not str(node.module).startswith("swarmnet"):
                found.add(str(node.module))
    return sorted(found)


def _interpreter() -> dict[str, dict[str, str]]:
    """Return what the probe's imports load in an interpreter without site packages: bytecode, and binaries."""
    argv = [_executable(), "-s", "-S", "-c", _COLLECT, *_imports()]
    done = subprocess.run(argv, capture_output=True, check=False, timeout=60, env={"PYTHONHASHSEED": "0"})
    if done.returncode:
        raise UsageError(f"{_executable()}: {done.stderr.decode(errors='replace').strip()[-300:]}")
    answer: dict[str, dict[str, str]] = json.loads(done.stdout)
    return answer


def _python_files(found: dict[str, dict[str, str]]) -> dict[str, bytes]:
    """Return the interpreter, its modules' bytecode and its extension modules, by path."""
    files = {path.lstrip("/"): base64.b64decode(code) for path, code in found["modules"].items()}
    for path in (_executable(), *found["binaries"]):
        files[path.lstrip("/")] = bare(Path(path).read_bytes())
    return files


def bare(binary: bytes) -> bytes:
    """Return an ELF file without what no loader reads (symbols, debug information): all behind its last segment.

    Other files come back as they are. A Python with debug information is four times as large without this.
    """
    if not binary.startswith(ELF64_LITTLE):
        return binary
    (offset,) = struct.unpack_from("<Q", binary, 0x20)
    size, count = struct.unpack_from("<HH", binary, 0x36)
    end = offset + size * count
    for index in range(count):
        kind, _, start = struct.unpack_from("<IIQ", binary, offset + index * size)
        (length,) = struct.unpack_from("<Q", binary, offset + index * size + 0x20)
        end = max(end, start + length) if kind == PT_LOAD else end
    cut = bytearray(binary[:end])
    struct.pack_into("<Q", cut, 0x28, 0)  # no section table
    struct.pack_into("<HH", cut, 0x3C, 0, 0)  # with no entries, and no names
    return bytes(cut)


def _libraries(binaries: Iterable[str]) -> dict[str, bytes]:
    """Return the shared libraries by path: under their own names in one folder, the loader at its fixed place."""
    files: dict[str, bytes] = {}
    for binary in binaries:
        done = subprocess.run(
            ["/usr/bin/env", "ldd", binary],
            env=child_environment(os.environ),
            capture_output=True,
            check=False,
            timeout=60,
        )
        for line in done.stdout.decode(errors="replace").splitlines():
            named = re.match(r"\s*(\S+) => (/\S+) \(", line)
            loader = re.match(r"\s*(/\S+) \(", line)
            if named:
                files[f"{LIBRARIES}/{named[1]}"] = bare(Path(named[2]).read_bytes())
            elif loader:
                files[loader[1].lstrip("/")] = bare(Path(loader[1]).read_bytes())
    return files


def _layer(files: dict[str, bytes], links: dict[str, str]) -> bytes:
    """Return a tar of files and symbolic links in order of their names, all root's, at time zero."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name in sorted(files.keys() | links.keys()):
            member = tarfile.TarInfo(name)
            member.mode = 0o755
            if name in links:
                member.type, member.linkname = tarfile.SYMTYPE, links[name]
                archive.addfile(member)
            else:
                member.size = len(files[name])
                archive.addfile(member, io.BytesIO(files[name]))
    return out.getvalue()
