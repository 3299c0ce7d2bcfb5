#!/usr/bin/env python3
# cli_hostile.py: broken files in the places of good ones. Whatever stands there, every command ends by itself with a status
# that the manual knows, says what is wrong in a line (and what to do in another), and leaves what was said where it is.
import os
import shutil
import socket
import subprocess
import sys

sys.dont_write_bytecode = True
from program import IVCHAT, TIMEOUT, TINY, ProgramTest, main
from sessions import MADE, answer, head, line, note, part, put, tag, user

SID, OTHER = '20260823-141503-7f3a', '20260822-101010-aaaa'
GOOD = head(SID) + user(1, 0, 'a fox') + answer(2, 1, 'red fox', ids=[5, 6], ms=[3, 4], reused=0,
                                                segs=[['prefill', 0, 3], ['decode', 3, 5]])
FILES = {
    'empty': b'', 'a newline': b'\n', 'NUL': b'\0' * 4096, 'all bytes': bytes(range(256)) * 10,
    'torn': GOOD.encode() + b'{"t":"user","id":3,"up":2,"at":"x","pics":[],"text":"ha\xe7\x8c',
    'no UTF-8': GOOD.encode() + b'{"t":"user","id":3,"up":2,"at":"x","pics":[],"text":"\xff\xfe"}\n',
    'NUL in text': GOOD.encode() + b'{"t":"user","id":3,"up":2,"at":"x","pics":[],"text":"a\\u0000b"}\n\0\0\0\n',
    'unknown kinds': (GOOD + line(t='hologram', id=3, text='x') + line(x=1) + '"str"\n[]\n17\nnull\n').encode(),
    'unknown first': (line(t='hologram') + GOOD).encode(),
    'wrong types': (GOOD + line(t='user', id='3', up='2', at=1, pics='x', text=5) + line(t='answer', id=[], up={}, stop=3) +
                    line(t='answer', id=3, up=2, stop='eos', at=7, ids='a', ms={}, segs=7, sampling=[], seed={}, text='t') +
                    line(t='part', id=1e300, up=-1, text=[]) + line(t='head', id='x') + line(t='name', name=3) +
                    line(t='tag', tag=[], on=1) + line(t='system', up='x', text=3) + line(t='note', up=[], text={}) +
                    line(t='drop', ids=[{}, 'a', 1e99, -3], up=2) + line(t='pin', id=99, on=True)).encode(),
    'wrong numbers': (GOOD + user(2 ** 31, 2 ** 40, 'x') + user(3, 3, 'itself') + user(-1, -2, 'x') +
                      line(t='answer', id=3, up=1, at='', stop='eos', cont=3, given=-1, ids=[-1, 2 ** 40, 1.5], ms=[2 ** 33],
                           reused=-5, segs=[['prefill', 5, 1], ['decode', -1, 2]], text='y') +
                      line(t='drop', up=2 ** 30, ids=[1]) + note(2 ** 30, 'x')).encode(),
    'pictures': (GOOD + user(3, 2, 'p', pics=[
        {'n': -1, 'sha': '../../../etc/passwd', 'name': '/etc/passwd', 'w': -5, 'h': 10 ** 12, 'type': 'text/html'}, {'sha': 'x'},
        {}, [], 'a', {'n': 10 ** 9, 'sha': 'a' * 64, 'w': 0, 'h': 0, 'name': '\x1b[2J'}, {'n': 1, 'sha': 'A' * 200}])).encode(),
    'a long line': (GOOD + user(3, 2, 'x' * 3_000_000) + answer(4, 3, 'y')).encode(),
    'nested': (GOOD + '{"t":"user","id":3,"up":2,"text":' + '[' * 100_000 + '\n').encode(),
    'many': (GOOD + ''.join(user(i, i - 1, 'q') for i in range(3, 300))).encode(),
    'newer': GOOD.replace('"v":1', '"v":99').encode(), 'version as text': GOOD.replace('"v":1', '"v":"1"').encode(),
    'twice': (GOOD + GOOD).encode(), 'CR': GOOD.replace('\n', '\r\n').encode(), 'BOM': b'\xef\xbb\xbf' + GOOD.encode(),
    'long names': (GOOD + line(t='name', name='n' * 1_000_000) + line(t='tag', tag='t' * 100_000, on=True)).encode(),
    'no times': GOOD.replace(MADE, '\\u001b[2J').encode(),
    'parts alone': (GOOD + part(3, 2, 'a') + part(9, 3, 'b') + part(3, 2, 'c') + tag('x')).encode(),
}
READ = [['show', 'last'], ['show', SID, '--raw'], ['ls'], ['ls', '--json'], ['ls', '--check'], ['path', SID], ['tag', SID],
        ['search', 'fox'], ['search', '--json', '-E', '.*'], ['replay', SID], ['rm', '--gc', '-f'], ['export', SID],
        *(['export', SID, '--format', f, '--branch', 'all'] for f in ('html', 'json', 'txt', 'cast'))]
WRITE = [['tag', SID, '+x'], ['rename', SID, 'new'], ['ask', '-m', TINY, '-n', '2', '-s', SID, 'hi'],
         ['ask', '-m', TINY, '-n', '2', '-c', 'hi'], ['replay', '--verify', '-m', TINY, SID], ['rm', '-f', SID]]
OURS = ('ivchat: ', 'try: ')
COUNTS = ('problem', 'problems', 'removed')


class Hostile(ProgramTest):
    def ends_well(self, args, **kw):
        result = subprocess.run([IVCHAT, *map(str, args)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, env=self.env, cwd=self.dir, timeout=TIMEOUT, **kw)
        lines = [text for text in result.stderr.decode().splitlines() if not text.endswith(COUNTS)]
        self.assertIn(result.returncode, range(8), result.stderr)
        self.assertLessEqual(len(lines), 2, lines)
        self.assertTrue(all(text.startswith(OURS[i]) for i, text in enumerate(lines)), lines)
        self.assertTrue(lines or result.returncode < 2, 'it failed and did not say why')
        return result

    def fresh(self, path=None):
        shutil.rmtree(self.home, ignore_errors=True)
        put(self.home, OTHER, user(1, 0, 'other fox'), answer(2, 1, 'x'))
        return self.home / 'data' / 'sessions' / '2026' / f'{SID}.jsonl'

    def check_session(self, make):
        path = self.fresh()
        make(path)
        for args in READ:
            with self.subTest(args=args):
                self.ends_well(args)
        for args in WRITE:
            with self.subTest(args=args):
                before = path.read_bytes() if path.is_file() else None
                self.ends_well(args)
                if before is not None:
                    trash = self.home / 'data' / 'trash' / path.name
                    now = (path if path.exists() else trash).read_bytes()
                    self.assertTrue(now.startswith(before[:before.rfind(b'\n') + 1]), 'something was lost')
        self.assertIn(OTHER, self.run_it('ls').stdout.decode())

    def test_contents(self):
        for name, content in FILES.items():
            with self.subTest(name=name):
                self.check_session(lambda path: path.write_bytes(content))

    def test_other_things_than_files(self):
        def bind(path):
            os.chdir(path.parent)
            with socket.socket(socket.AF_UNIX) as s:
                s.bind(path.name)
        for name, make in {'folder': lambda p: p.mkdir(), 'FIFO': os.mkfifo, 'loop': lambda p: p.symlink_to(p.name),
                           'dangling': lambda p: p.symlink_to('nowhere'), 'socket': bind}.items():
            with self.subTest(name=name):
                self.check_session(make)
        os.chdir('/')

    def test_imports_and_batches(self):
        for name, content in FILES.items():
            with self.subTest(name=name):
                self.fresh()
                (self.dir / 'in').write_bytes(content)
                self.assertEqual(self.ends_well(['import', 'in']).returncode, 3)
                self.ends_well(['batch', '-m', TINY, '-n', '1', '--jobs', '2', 'in', '-o', 'out'])
                (self.dir / 'out').unlink(missing_ok=True)

    def test_files_for_folders_and_folders_for_files(self):
        for place in 'data/sessions', 'data', 'data/sessions/2026', 'state', 'data/trash', 'data/pictures', 'config':
            for args in READ + WRITE + [['ask', '-m', TINY, '-n', '2', 'hi']]:
                with self.subTest(place=place, args=args):
                    self.fresh().write_text(GOOD)
                    shutil.rmtree(self.home / place, ignore_errors=True)
                    (self.home / place).write_text('a file')
                    self.ends_well(args)
        for place in 'state/last', 'state/history', 'state/log', f'data/sessions/2026/{SID}.lock', 'config/config':
            for args in READ + WRITE:
                with self.subTest(place=place, args=args):
                    self.fresh().write_text(GOOD)
                    (self.home / place).mkdir(parents=True)
                    if place == 'config/config':
                        self.assertIn('not a regular file', self.run_it(*args).stderr.decode())
                    else:
                        self.ends_well(args)

    def test_no_permission(self):
        nobody = {}
        if os.getuid() == 0:
            nobody = {'user': 65534, 'group': 65534, 'extra_groups': []}
            try:
                subprocess.run([IVCHAT, '-V'], stdout=subprocess.DEVNULL, check=True, **nobody)
            except (OSError, subprocess.CalledProcessError):
                self.skipTest('root may do everything, and nobody else may run the program here')
            os.chmod(self.dir, 0o755)
        for place, mode in (('data', 0), ('data', 0o500), ('data/sessions', 0), ('data/sessions/2026', 0),
                            ('data/sessions/2026', 0o500), (f'data/sessions/2026/{SID}.jsonl', 0),
                            (f'data/sessions/2026/{SID}.jsonl', 0o400), ('state', 0), ('state', 0o500)):
            for args in READ + WRITE[:2] + [['rm', '-f', SID]]:
                with self.subTest(place=place, mode=oct(mode), args=args):
                    self.fresh().write_text(GOOD)
                    (self.home / 'state').mkdir()
                    for at, _, names in os.walk(self.home):
                        for path in [at] + [os.path.join(at, name) for name in names]:
                            os.chown(path, nobody.get('user', -1), nobody.get('group', -1))
                    os.chmod(self.home / place, mode)
                    self.ends_well(args, **nobody)
                    os.chmod(self.home / place, 0o700)

    def test_settings(self):
        config = self.home / 'config' / 'config'
        config.parent.mkdir(parents=True)
        for content in (b'gen.temp = 1\0\n', b'\xff = 3\n', b'nokey = 1\n', b'[preset\n', b'[other x]\n', b'=\n', b'= 5\n', b'bind\n',
                        b'gen.system = "abc\n', b'include\n', b'include config\n', b'include /\n', b'include nothere\n',
                        b'include /dev/zero\n', b'a = b' * 500_000):
            with self.subTest(content=content[:20]):
                config.write_bytes(content)
                result = self.run_it('config')
                self.assertEqual(result.returncode, 0)
                lines = result.stderr.decode().splitlines()
                self.assertEqual(len(lines), 1)
                self.assertIn(f'{config}:1: ' if len(content) < 1000 else f"'{config}' is too large", lines[0])
        config.write_bytes(b'a = b\n' * 1000)
        self.assertEqual(self.run_it('config').returncode, 0)


if __name__ == '__main__':
    main()
