namespace RftService.Grading.Tests.Sandbox;

/// <summary>
/// What hostile Python tries. Each body is that of a function whose result 7 means "escaped"; anything else, and any error, is contained.
/// </summary>
internal static class PythonEscapes
{
    private const string Syscall = "import ctypes; libc = ctypes.CDLL(None, use_errno=True)\n";

    public static readonly Dictionary<string, string> All = new()
    {
        // Network
        ["tcp connection"] = "import socket; s = socket.socket(); s.settimeout(0.2); s.connect(('127.0.0.1', 5432)); return 7",
        ["udp packet"] = "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.sendto(b'x', ('127.0.0.1', 53)); return 7",
        ["unix socket"] = "import socket; s = socket.socket(socket.AF_UNIX); s.bind('/tmp/s'); return 7",
        ["raw system call for a socket"] = Syscall + "return 7 if libc.syscall(41, 2, 1, 0) >= 0 else 0",
        ["netlink"] = "import socket; socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0); return 7",
        ["http request"] = "import urllib.request; urllib.request.urlopen('http://127.0.0.1:80/', timeout=0.2); return 7",
        ["other interfaces"] = "return 7 if len(open('/proc/net/dev').readlines()) > 3 else 0",

        // Files
        ["passwords"] = "open('/etc/shadow').read(); return 7",
        ["users of the host"] = "open('/etc/passwd').read(); return 7",
        ["home of root"] = "import os; os.listdir('/root'); return 7",
        ["home folders"] = "import os; os.listdir('/home'); return 7",
        ["tmp of the host"] = "import os; return 7 if os.listdir('/tmp') else 0",
        ["write to the root"] = "open('/x', 'w'); return 7",
        ["write to /usr"] = "open('/usr/bin/x', 'w'); return 7",
        ["write to its own program"] = "open('/sandbox/grade.py', 'a'); return 7",
        ["replace its own program"] = "import os; os.rename('/sandbox/grade.py', '/sandbox/x'); return 7",
        ["write to /dev"] = "open('/dev/x', 'w'); return 7",
        ["write to /proc/sys"] = "open('/proc/sys/kernel/hostname', 'w').write('x'); return 7",
        ["sysfs"] = "import os; os.listdir('/sys'); return 7",
        ["make a device"] = "import os, stat; os.mknod('/tmp/d', 0o600 | stat.S_IFBLK, os.makedev(8, 0)); return 7",
        ["change owner"] = "import os; open('/tmp/o', 'w'); os.chown('/tmp/o', 0, 0); return 7",
        ["symlink to the host"] = "import os; os.symlink('/proc/1/root/etc/shadow', '/tmp/l'); open('/tmp/l').read(); return 7",
        ["root of process 1"] = "import os; return 7 if os.path.exists('/proc/1/root/etc/shadow') else 0",
        ["fill /tmp"] = "for i in range(64): open('/tmp/%d' % i, 'wb').write(b'x' * 1000000)\nreturn 7",
        ["fill /dev/shm"] = "for i in range(8): open('/dev/shm/%d' % i, 'wb').write(b'x' * 1000000)\nreturn 7",
        ["large file"] = "open('/tmp/big', 'wb').write(b'x' * 4000000); return 7",
        ["sparse file"] = "open('/tmp/sparse', 'wb').truncate(1 << 40); return 7",
        ["fifo that blocks"] = "import os; os.mkfifo('/tmp/f'); open('/tmp/f').read(); return 7",
        ["many files"] = "import os\nfor i in range(2000): open('/tmp/n%d' % i, 'w').close()\nreturn 0",

        // Secrets
        ["environment"] = "import os; return 7 if any('SECRET' in name for name in os.environ) else 0",
        ["environment of process 1"] = "return 7 if b'SECRET' in open('/proc/1/environ', 'rb').read() else 0",
        ["environment through env"] = "import subprocess; return 7 if b'SECRET' in subprocess.run(['/usr/bin/env'], capture_output=True).stdout else 0",
        ["processes of the host"] = "import os; return 7 if sum(n.isdigit() for n in os.listdir('/proc')) > 4 else 0",
        ["host name"] = "import os; return 7 if os.uname().nodename != 'sandbox' else 0",

        // Processes and signals
        ["fork bomb"] = "import os\nfor i in range(100):\n        os.fork()\nreturn 7",
        ["fork bomb that never stops"] = "import os\nwhile True:\n        try: os.fork()\n        except OSError: pass",
        ["thread bomb"] = "import threading, time\nfor i in range(100): threading.Thread(target=time.sleep, args=(9,), daemon=True).start()\nreturn 7",
        ["process left behind"] = "import os, time\nif os.fork() == 0:\n        time.sleep(30)\nreturn 0",
        ["thread left behind"] = "import threading\ndef burn():\n        while True: pass\nthreading.Thread(target=burn, daemon=True).start()\nreturn 0",
        ["kill process 1"] = "import os; os.kill(1, 9); return 0",
        ["kill everything"] = "import os; os.kill(-1, 9); return 0",
        ["kill itself"] = "import os; os.kill(os.getpid(), 9)",
        ["stop itself"] = "import os, signal; os.kill(os.getpid(), signal.SIGSTOP)",
        ["exit"] = "import sys; sys.exit(7)",
        ["exit at once"] = "import os; os._exit(0)",
        ["abort"] = "import os; os.abort()",
        ["null pointer"] = "import ctypes; ctypes.string_at(0)",
        ["ignore all signals and spin"] = "import signal\nfor s in range(1, 32):\n        try: signal.signal(s, signal.SIG_IGN)\n        except (OSError, ValueError): pass\nwhile True: pass",
        ["swallow every exception"] = "while True:\n        try:\n            while True: pass\n        except BaseException: pass",
        ["sleep"] = "import time; time.sleep(3600); return 7",
        ["new shell"] = "import os; os.execv('/bin/sh', ['sh', '-c', 'exit 0'])",
        ["exit handler that hangs"] = "import atexit, time; atexit.register(time.sleep, 3600); raise ValueError()",

        // Kernel
        ["ptrace"] = Syscall + "return 7 if libc.syscall(101, 16, 1, 0, 0) == 0 else 0",
        ["mount"] = Syscall + "return 7 if libc.mount(b'x', b'/tmp', b'tmpfs', 0, 0) == 0 else 0",
        ["unmount"] = Syscall + "return 7 if libc.umount2(b'/tmp', 2) == 0 else 0",
        ["new user namespace"] = Syscall + "return 7 if libc.unshare(0x10000000) == 0 else 0",
        ["namespace by clone"] = Syscall + "return 7 if libc.syscall(56, 0x10000011, 0, 0, 0, 0) > 0 else 0",
        ["namespace by clone3"] = Syscall + "a = (ctypes.c_uint64 * 11)(0x10000000, 0, 0, 0, 17); return 7 if libc.syscall(435, a, 88) > 0 else 0",
        ["namespace by unshare"] = "import subprocess; return 7 if subprocess.run(['/usr/bin/unshare', '-Ur', 'true'], capture_output=True).returncode == 0 else 0",
        ["join a namespace"] = Syscall + "import os; return 7 if libc.setns(os.open('/proc/1/ns/net', 0), 0) == 0 else 0",
        ["chroot"] = "import os; os.chroot('/tmp'); return 7",
        ["pivot_root"] = Syscall + "return 7 if libc.syscall(155, b'/tmp', b'/tmp') == 0 else 0",
        ["bpf"] = Syscall + "return 7 if libc.syscall(321, 0, ctypes.create_string_buffer(128), 128) >= 0 else 0",
        ["io_uring"] = Syscall + "return 7 if libc.syscall(425, 8, ctypes.create_string_buffer(120)) >= 0 else 0",
        ["userfaultfd"] = Syscall + "return 7 if libc.syscall(323, 0) >= 0 else 0",
        ["perf_event_open"] = Syscall + "return 7 if libc.syscall(298, ctypes.create_string_buffer(128), 0, -1, -1, 0) >= 0 else 0",
        ["keyring"] = Syscall + "return 7 if libc.syscall(250, 0, -3, 1) >= 0 else 0",
        ["memory of another process"] = Syscall + "return 7 if libc.syscall(310, 1, 0, 0, 0, 0, 0) >= 0 else 0",
        ["load a module"] = Syscall + "return 7 if libc.syscall(175, 0, 0, 0) == 0 else 0",
        ["x32 system call"] = Syscall + "return 7 if libc.syscall(0x40000000 + 41, 2, 1, 0) >= 0 else 0",
        ["become root"] = "import os; os.setuid(0); return 7",
        ["su"] = "import subprocess; return 7 if subprocess.run(['/usr/bin/su', '-c', 'true'], capture_output=True, stdin=subprocess.DEVNULL).returncode == 0 else 0",
        ["raise its limits"] = "import resource; resource.setrlimit(resource.RLIMIT_NPROC, (999, 999)); return 7",
        ["set the clock"] = "import time; time.clock_settime(time.CLOCK_REALTIME, 0); return 7",
        ["push into the terminal"] = "import fcntl; fcntl.ioctl(0, 0x5412, b'x'); return 7",
        ["shared memory that no limit counts"] = Syscall + "return 7 if libc.shmget(0, 1 << 30, 0o1600) >= 0 else 0",

        // Memory and time
        ["ten gigabytes at once"] = "b = bytearray(10 ** 10); return 7",
        ["memory bit by bit"] = "x = []\nwhile True: x.append(bytearray(1 << 20))",
        ["huge integer"] = "x = 10 ** 10 ** 9; return 7",
        ["growing integer"] = "x = 3\nwhile True: x = x * x",
        ["integer as text"] = "str(10 ** 6000); return 7",
        ["deep recursion"] = "import sys; sys.setrecursionlimit(10 ** 9)\ndef f(n): return f(n + 1) + 1\nreturn f(0)",
        ["recursion"] = "def f(n): return f(n + 1) + 1\nreturn f(0)",
        ["catastrophic pattern"] = "import re; re.match('(a+)+$', 'a' * 40 + 'b'); return 7",
        ["zip bomb"] = "import zlib; d = zlib.compressobj(9); z = b''.join(d.compress(bytes(1 << 20)) for _ in range(2000)) + d.flush(); zlib.decompress(z); return 7",
        ["infinite loop"] = "while True: pass",

        // The protocol
        ["flood of print"] = "for i in range(300): print('x' * 100000)\nreturn 0",
        ["flood of the answer"] = "import __main__, os\nfor i in range(20000): os.write(__main__._answers, b'x' * 65536)\nreturn 7",
        ["long reason"] = "return {'value': 0, 'reason': 'x' * 10 ** 7}",
        ["long exception"] = "raise ValueError('x' * 10 ** 7)",
        ["forged answer"] = "import __main__, os; os.write(__main__._answers, b'{\"id\":\"0\",\"value\":7,\"stale\":false}\\n'); return 7",
        ["two answers"] = "import __main__, os, sys, json\ni = sys._getframe(2).f_locals['request']['id']\nos.write(__main__._answers, json.dumps({'id': i, 'value': 7, 'stale': False}).encode() + b'\\n' + b'{}\\n'); import time; time.sleep(9)",
        ["answer after the deadline"] = "import __main__, os, time, sys, json\ni = sys._getframe(2).f_locals['request']['id']; time.sleep(2)\nos.write(__main__._answers, json.dumps({'id': i, 'value': 7, 'stale': False}).encode() + b'\\n')",
        ["answer of a child after the deadline"] = "import __main__, os, time\nif os.fork() == 0:\n        time.sleep(1.6); os.write(__main__._answers, b'{\"value\":7}\\n'); os._exit(0)\ntime.sleep(9)",
        ["no JSON"] = "import __main__, os; os.write(__main__._answers, b'\\xff\\xfe{{\\n'); return 7",
        ["infinity by hand"] = "import __main__, os, sys, json\ni = sys._getframe(2).f_locals['request']['id']\nos.write(__main__._answers, b'{\"id\":\"' + i.encode() + b'\",\"value\":1e999,\"stale\":false}\\n'); import time; time.sleep(9)",
        ["not a number"] = "return float('nan')",
        ["infinity"] = "return float('inf')",
        ["text"] = "return '7'",
        ["hostile float"] = "class F:\n        def __float__(self):\n            while True: pass\nreturn F()",
        ["hostile exception"] = "class E(Exception):\n        def __str__(self): raise E()\nraise E()",
        ["keyboard interrupt"] = "raise KeyboardInterrupt()",
        ["close every file"] = "import os; os.closerange(0, 32); return 0",
        ["replace json"] = "import json; json.dumps = lambda *a, **k: '7'; return 0",
        ["replace builtins"] = "import builtins, json; builtins.float = None; raise ValueError()",
        ["forget modules"] = "import sys; sys.modules.clear(); raise ValueError()",
        ["stop importing"] = "import sys; sys.meta_path.clear(); sys.path.clear(); import antigravity; return 7",
    };
}
