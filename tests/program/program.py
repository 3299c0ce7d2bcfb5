# program.py: what the tests of the built program share. Standard library only.
#
# The program is $IVCHAT, or ./ivchat in the build folder. Every test has a home of its own. The model is a small random
# one that is written here. Only comparing with the official code needs the reference fixtures (in $IVCHAT_SHARED, or
# in ../shared beside the source): without them that test says so and ends with 77, a skip for automake.
import atexit
import json
import os
import pathlib
import pty
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest
import zlib

import tinymodel

SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent
FIXTURES = pathlib.Path(os.environ.get('IVCHAT_SHARED') or SOURCE.parent / 'shared') / 'fixtures'
# A shell that starts this in the background has Ctrl-C ignored, and what is started here would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
IVCHAT = os.path.abspath(os.environ.get('IVCHAT', './ivchat'))
TIMEOUT = 120

SCRATCH = pathlib.Path(tempfile.mkdtemp(prefix='ivchat-test-'))
atexit.register(shutil.rmtree, SCRATCH, ignore_errors=True)
TINY = SCRATCH / 'tiny'
TINY_BYTES = tinymodel.write(TINY)


def need_fixtures():
    if not FIXTURES.is_dir():
        print(f'skipped: the reference fixtures are not at {FIXTURES} (set IVCHAT_SHARED)')
        sys.exit(77)


def main():
    if not os.access(IVCHAT, os.X_OK):
        sys.exit(f'{IVCHAT} is not built')
    unittest.main(verbosity=2)


class ProgramTest(unittest.TestCase):
    """A home of its own for each test, and ways to run the program in it."""

    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix='ivchat-test-'))
        self.home = self.dir / 'home'
        self.env = {'PATH': os.environ['PATH'], 'HOME': str(self.dir), 'IVCHAT_HOME': str(self.home),
                    'LC_ALL': 'C.UTF-8', 'TERM': 'xterm-256color', 'OPENBLAS_NUM_THREADS': '1'}
        if 'IVCHAT_TEST_GPU' in os.environ:     # make check-gpu
            (self.home / 'config').mkdir(parents=True)
            (self.home / 'config' / 'config').write_text(f"model.gpus = {os.environ['IVCHAT_TEST_GPU']}\n")
            self.env.update({k: v for k, v in os.environ.items() if k.startswith(('CUDA', 'LD_LIBRARY'))})
        for name in 'ASAN_OPTIONS', 'UBSAN_OPTIONS', 'TSAN_OPTIONS':
            if name in os.environ:
                self.env[name] = os.environ[name]

    def tearDown(self):
        shutil.rmtree(self.dir, ignore_errors=True)

    def run_it(self, *args, stdin=b'', stdout=subprocess.PIPE, **kw):
        args = [IVCHAT] + [str(a) for a in args]
        if isinstance(stdin, str):
            stdin = stdin.encode()
        return subprocess.run(args, input=stdin, stdout=stdout, stderr=subprocess.PIPE, env=self.env, cwd=self.dir,
                              timeout=TIMEOUT, **kw)

    def ask(self, *args, model=TINY, **kw):
        return self.run_it('ask', '-m', model, *args, **kw)

    def good(self, result):
        self.assertEqual((result.returncode, result.stderr.decode()), (0, ''))
        return result.stdout.decode()

    def start(self, *args, **kw):
        """A program that goes on by itself; standard input is empty."""
        kw.setdefault('stdout', subprocess.PIPE)
        return subprocess.Popen([IVCHAT] + [str(a) for a in args], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                env=self.env, cwd=self.dir, **kw)

    def fails(self, result, status, what, hint=None):
        """Exactly this line on standard error, and this hint or (None) any or none; nothing on standard output."""
        lines = result.stderr.decode().splitlines()
        self.assertEqual(lines[:1], [f'ivchat: {what}'])
        self.assertLessEqual(len(lines), 2)
        if len(lines) == 2:
            self.assertTrue(lines[1].startswith('try: '), lines[1])
        if hint is not None:
            self.assertEqual(lines[1:], [f'try: {hint}'])
        self.assertEqual(result.returncode, status)
        self.assertEqual(result.stdout or b'', b'')

    def sessions(self):
        return sorted(self.home.glob('data/sessions/*/*.jsonl'))

    def records(self, path=None):
        """The records of the only session."""
        if path is None:
            self.assertEqual(len(self.sessions()), 1)
            path = self.sessions()[0]
        return [json.loads(line) for line in path.read_bytes().split(b'\n') if line]

    def wait_for_part(self, program):
        """Until the only session holds the beginning of an answer."""
        while not self.sessions() or b'"part"' not in self.sessions()[0].read_bytes():
            self.assertIsNone(program.poll())
            time.sleep(0.02)

    def derive(self, name, base=TINY):
        """A copy of a model folder, to be broken."""
        to = self.dir / name
        shutil.copytree(base, to)
        return to


def png(width, height, seed=0):
    """A grey picture of that size."""
    def chunk(kind, data):
        return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))
    rows = b''.join(b'\0' + bytes((x * y + seed) % 256 for x in range(width)) for y in range(height))
    return (b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', struct.pack('>IIBBBBB', width, height, 8, 0, 0, 0, 0)) +
            chunk(b'IDAT', zlib.compress(rows)) + chunk(b'IEND', b''))


GRAY = SCRATCH / 'gray.png'
GRAY.write_bytes(png(257, 131))
WIDE = SCRATCH / 'wide.png'
WIDE.write_bytes(png(400, 9, 7))


def read_header(path):
    data = path.read_bytes()
    n = struct.unpack('<Q', data[:8])[0]
    return json.loads(data[8:8 + n]), data[8 + n:]


def write_header(path, header, data):
    text = json.dumps(header).encode()
    text += b' ' * (-len(text) % 8)
    path.write_bytes(struct.pack('<Q', len(text)) + text + data)


def in_terminal(args, env, cwd, reader):
    """Runs args in a terminal of its own. reader(fd) gives what is to be known; returns (status, what it gave)."""
    pid, fd = pty.fork()
    if pid == 0:
        os.chdir(cwd)
        os.execve(args[0], [str(a) for a in args], env)
    try:
        said = reader(fd)
        _, status = os.waitpid(pid, 0)
    except BaseException:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        raise
    finally:
        os.close(fd)
    return os.waitstatus_to_exitcode(status), said


def read_all(fd):
    """All that comes out of a terminal until its program has ended."""
    said = b''
    while True:
        try:
            more = os.read(fd, 65536)
        except OSError:
            return said
        if not more:
            return said
        said += more
