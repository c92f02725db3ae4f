# Runs in a sandbox: executes programs that a model wrote, each test in a child of this warm interpreter. What a program should print is
# never sent here: the host compares.
import base64
import builtins
import bisect, collections, copy, ctypes, datetime, decimal, fractions, functools, heapq, io, itertools, math, operator, random, re, string, typing  # warm for the children
import json
import os
import select
import signal
import sys
import time

_lines = os.fdopen(os.dup(0), "rb", buffering=1 << 16)
_answers = os.dup(1)
_nowhere = os.open("/dev/null", os.O_RDWR)
for _fd in (0, 1, 2):
    os.dup2(_nowhere, _fd)
builtins.exit = builtins.quit = sys.exit  # -S leaves them out, too
sys.path.append("/usr/lib/python3/dist-packages")

# PR_SET_DUMPABLE 0: a child may not open this process's pipes through /proc.
ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)

_MOST = 65536  # bytes of output kept of one test


def _send(answer):
    data = json.dumps(answer).encode() + b"\n"
    while data:
        data = data[os.write(_answers, data):]


def _child(code, test, out, seal, nonce):
    try:
        os.setsid()
        given = os.open("/tmp", os.O_TMPFILE | os.O_RDWR, 0o600)
        os.write(given, test.get("stdin", "").encode())
        os.lseek(given, 0, 0)
        os.dup2(given, 0)
        os.dup2(out, 1)
        for fd in range(3, 32):
            if fd != seal:
                try:
                    os.close(fd)
                except OSError:
                    pass
        sys.stdin = io.TextIOWrapper(io.BufferedReader(io.FileIO(0)), encoding="utf-8", errors="replace")
        sys.stdout = io.TextIOWrapper(io.BufferedWriter(io.FileIO(1, "w")), encoding="utf-8", errors="replace")
        sys.stderr = open("/dev/null", "w")
        names = {"__name__": "__main__"}
        check = test.get("check")
        try:
            exec(compile(code, "solution.py", "exec"), names)
        except SystemExit:
            if check is not None:
                raise
        if check is not None:
            exec(compile(check, "test.py", "exec"), names)
        sys.stdout.flush()
        os.write(seal, nonce)
        os._exit(0)
    except BaseException as fault:
        try:
            sys.stdout.flush()
        except BaseException:
            pass
        try:
            os.write(seal, (type(fault).__name__[:60] + ": " + str(fault)[:100]).encode())
        except BaseException:
            pass
    finally:
        os._exit(1)


def _run(code, test, limit):
    nonce = os.urandom(16)
    out, out_end = os.pipe()
    seal, seal_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(out)
        os.close(seal)
        _child(code, test, out_end, seal_end, nonce)
    os.close(out_end)
    os.close(seal_end)
    deadline = time.monotonic() + limit
    texts = {out: b"", seal: b""}
    open_ends = {out, seal}
    late = flood = False
    while open_ends and not flood:
        left = deadline - time.monotonic()
        ready = select.select(list(open_ends), [], [], max(0, left))[0] if left > 0 else []
        if not ready:
            late = True
            break
        for end in ready:
            piece = os.read(end, 65536)
            texts[end] += piece
            flood = len(texts[end]) > _MOST
            if not piece:
                open_ends.discard(end)
                if end == seal:
                    open_ends.clear()  # the child has ended; what it left behind may hold the output open
    if not late and not flood:
        drain = select.select([out], [], [], 0)[0]
        while drain and len(texts[out]) <= _MOST:
            piece = os.read(out, 65536)
            if not piece:
                break
            texts[out] += piece
            drain = select.select([out], [], [], 0)[0]
    os.close(out)
    os.close(seal)
    try:
        os.kill(-1, signal.SIGKILL)  # every other process of the sandbox
    except ProcessLookupError:
        pass
    while True:
        try:
            if os.waitpid(-1, 0)[0] == 0:
                break
        except ChildProcessError:
            break
    sealed = texts[seal] == nonce
    return {
        "done": sealed and not late and not flood,
        "late": late,
        "flood": flood,
        "fault": "" if sealed else texts[seal][:200].decode("utf-8", "replace"),
        "output": base64.b64encode(texts[out][:_MOST]).decode(),
    }


def _clean():
    for name in os.listdir("/tmp"):
        path = "/tmp/" + name
        try:
            os.unlink(path) if not os.path.isdir(path) or os.path.islink(path) else None
        except OSError:
            pass


def _serve():
    json.loads(_lines.readline())
    _send({"ready": True})
    for line in _lines:
        request = json.loads(line)
        _send({"got": request["id"]})
        results = []
        for test in request["tests"]:
            results.append(_run(request["code"], test, request["limit"]))
            # A program that was asked for output may end as it likes; what it printed is for the host to judge.
            if request["all"] and not results[-1]["done"] and ("check" in test or results[-1]["late"] or results[-1]["flood"]):
                break
        _clean()
        _send({"id": request["id"], "results": results, "stale": bool(os.listdir("/tmp")) or bool(os.listdir("/dev/shm"))})


_serve()
