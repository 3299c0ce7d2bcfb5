#!/usr/bin/env python3
# cli_plain.py: the chat line by line, from a pipe and in a terminal that knows nothing; and doctor. Nothing here may hold
# an escape code.
import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time

sys.dont_write_bytecode = True
from program import GRAY, IVCHAT, TIMEOUT, TINY, ProgramTest, in_terminal, main, read_all


class Pipe(ProgramTest):
    def chat(self, lines, *args):
        return self.run_it('--plain', '-m', TINY, '-n', '3', *args, stdin=lines)

    def test_a_message_a_line(self):
        result = self.chat('one\ntwo')
        self.assertEqual((result.returncode, result.stderr), (0, b''))
        out = result.stdout.decode()
        self.assertRegex(out, r'\A(?s:User: one\nAssistant: .*\[cut at 3\]\nUser: two\nAssistant: .*\[cut at 3\]\n)\Z')
        users = [r['text'] for r in self.records() if r['t'] == 'user']
        self.assertEqual(users, ['one', 'two'])

    def test_commands_wait_for_the_answers_before_them(self):
        result = self.chat('one\n/new\ntwo\n/quit\nthree\n')
        self.assertEqual(result.returncode, 0)
        self.assertEqual(re.findall('User: .*', result.stdout.decode()), ['User: one', 'User: two'])
        self.assertEqual(len(self.sessions()), 2)

    def test_notes_are_kept_and_not_told(self):
        """A note is in the file and in every view of it; the model's prompt is the one without it."""
        self.fails(self.chat('/note too early\n'), 3, 'a note stands below a message, and there is none yet')
        self.assertFalse(self.sessions())
        result = self.chat('one\n/note look again:  猫\n/note\ntwo\n')
        self.assertEqual((result.returncode, result.stderr.decode()),
                         (0, 'Note: look again:  猫\nturn 1: look again:  猫\n'))
        self.assertEqual([(r['t'], r['up'], r['text']) for r in self.records() if r['t'] == 'note'],
                         [('note', 2, 'look again:  猫')])
        self.assertRegex(self.good(self.run_it('show', 'last')),
                         r'one\n\nAssistant:\n(?s:.*)\[cut at 3\]\n\nNote:\nlook again:  猫\n\nUser:\ntwo\n')
        noted = [r for r in self.records() if r['t'] == 'answer']
        self.sessions()[0].unlink()
        self.chat('one\ntwo\n')
        self.assertEqual([(r['ids'], r['segs']) for r in noted],
                         [(r['ids'], r['segs']) for r in self.records() if r['t'] == 'answer'])

    def test_picture_by_its_path_and_a_blank_line(self):
        result = self.chat(f'{GRAY} what\n/image {GRAY}\n\n', '--set', 'image.question=Hm?')
        self.assertEqual(result.returncode, 0)
        out = result.stdout.decode()
        self.assertIn('[#1 gray.png 257x131]\nUser:', out)
        self.assertIn('[#2 gray.png 257x131]\nUser: Hm?\n', out)

    def test_old_conversation_is_gone_on_with_but_not_said_again(self):
        self.chat('one\n', '-i', GRAY)
        result = self.chat('two\n', '-c')
        self.assertEqual((result.returncode, result.stderr), (0, b''))
        self.assertEqual(re.findall('User: .*', result.stdout.decode()), ['User: two'])
        self.assertEqual(len(self.sessions()), 1)

    def test_first_error_is_the_status(self):
        result = self.chat('/set temp hot\n/image /nowhere.png\n\xff\none\n'.encode('latin-1'))
        self.assertEqual(result.returncode, 3)
        self.assertEqual(result.stderr.decode().splitlines(), [
            'ivchat: temp: "hot" is not a number from 0 to 100',
            "ivchat: cannot open '/nowhere.png': No such file or directory",
            'ivchat: not sent: the line is not UTF-8 text'])
        self.assertIn('User: one\n', result.stdout.decode())

    def test_memory_grows_by_what_is_said_only(self):
        with open(IVCHAT, 'rb') as f:
            if b'__asan_init' in f.read():
                self.skipTest('a sanitizer keeps what was freed')
        chat = subprocess.Popen([IVCHAT, '--plain', '-m', TINY, '-n', '3', '--ctx', '512', '--set', 'context.overflow=drop'],
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=self.env, cwd=self.dir)

        def resident():
            with open(f'/proc/{chat.pid}/status') as f:
                return int(re.search(r'VmRSS:\s+(\d+) kB', f.read()).group(1))

        def say(n):
            for i in range(n):
                chat.stdin.write(b'question %d\n' % i)
                chat.stdin.flush()
                while b'[cut at 3]' not in chat.stdout.readline():
                    self.assertIsNone(chat.poll())
        with chat:
            say(100)
            before = resident()
            say(300)
            after = resident()
        self.assertLess(after - before, 300 * 6, 'KiB for 300 turns')          # 2 a turn: words, tokens, times, the drop

    def test_no_model(self):
        result = self.run_it('--plain', '-m', '/nowhere', stdin='one\n')
        self.fails(result, 4, "cannot open the model folder '/nowhere': No such file or directory")

    def test_nothing_and_one_huge_line(self):
        self.assertEqual(self.good(self.chat('')), '')
        self.assertEqual(self.chat('x' * (3 << 20) + '\n').returncode, 3)

    def test_control_characters_are_visible(self):
        out = self.chat('a\x1b[2Jb\n').stdout
        self.assertIn(b'User: a^[[2Jb\n', out)

    def test_reader_that_goes_away(self):
        reader, writer = os.pipe()
        os.close(reader)
        result = self.run_it('--plain', '-m', TINY, '-n', '2', stdin='one\ntwo\n', stdout=writer)
        os.close(writer)
        self.assertEqual((result.returncode, result.stderr), (141, b''))

    def test_interrupt(self):
        p = subprocess.Popen([IVCHAT, '--plain', '-m', TINY], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             env=self.env, cwd=self.dir)
        p.stdin.write(b'one\n')
        p.stdin.flush()
        line = p.stdout.readline()
        p.send_signal(signal.SIGINT)
        self.assertEqual((p.wait(TIMEOUT), line), (130, b'User: one\n'))
        p.communicate()
        self.assertLessEqual({r['stop'] for r in self.records() if r['t'] == 'answer'}, {'user'})

    def test_environment_asks_for_it(self):
        for name, value in ('TERM', 'dumb'), ('ACCESSIBLE', '1'):
            with self.subTest(name=name):
                before = dict(self.env)
                self.env[name] = value
                self.assertEqual(self.good(self.run_it('-m', TINY, stdin='')), '')
                self.env = before
        self.env['ACCESSIBLE'] = '0'
        self.fails(self.run_it('-m', TINY, stdin=''), 2, 'the chat needs a terminal, and standard input is none')


class Snapshots(ProgramTest):
    """kv.snapshot: what was computed of a conversation is there when it is gone on with, and changes nothing else."""
    def chat(self, lines, *args, on=True):
        result = self.run_it('--plain', '-m', TINY, '-n', '5', '--set', f'kv.snapshot={"on" if on else "off"}', *args,
                             stdin=lines)
        self.assertEqual((result.returncode, re.sub(br'\[#1 .*\n', b'', result.stderr)), (0, b''))

    def answers(self):
        return [r for r in self.records() if r['t'] == 'answer']

    def kept(self):
        return sorted(self.home.glob('cache/kv/*'))

    def log(self):
        return (self.home / 'state' / 'log').read_text()

    def verify(self, n):
        self.assertEqual(len(re.findall('same 5', self.run_it('replay', '--verify', 'last', '-m', TINY).stdout.decode())), n)

    def test_gone_on_with(self):
        self.chat('one\n', '-i', GRAY)
        file, = self.kept()
        self.assertEqual(file.name, self.sessions()[0].stem)
        self.assertEqual((file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777), (0o600, 0o700))
        size = file.stat().st_size
        self.chat('two\n', '-c')
        first, second = self.answers()
        # the last token of the first answer was chosen, and computed by nobody
        self.assertEqual(second['reused'], first['segs'][-1][1] + 4)
        self.assertGreater(self.kept()[0].stat().st_size, size)
        self.verify(2)
        self.sessions()[0].unlink()
        file.unlink()
        self.chat('one\n', '-i', GRAY, on=False)
        self.chat('two\n', '-c', on=False)
        self.assertEqual([a['ids'] for a in self.answers()], [first['ids'], second['ids']])
        self.assertEqual([a['reused'] for a in self.answers()], [0, 0])
        self.assertFalse(self.kept())

    def test_what_changed_nothing_is_not_written_again(self):
        self.chat('one\n')
        before = self.kept()[0].stat()
        self.chat('', '-c')
        self.assertEqual(self.kept()[0].stat().st_mtime_ns, before.st_mtime_ns)

    def test_off_and_private_write_nothing(self):
        self.chat('one\n', on=False)
        self.chat('one\n', '--no-save')
        self.chat('/private\none\n')
        self.chat('/new\n')
        self.assertFalse(self.kept())
        self.assertFalse((self.home / 'cache').exists())
        before = self.sessions()
        self.chat('/private\none\n/new\ntwo\n')
        self.assertEqual([f.name for f in self.kept()], [s.stem for s in self.sessions() if s not in before])

    def test_anything_else_is_computed_anew(self):
        self.chat('one\n', '-i', GRAY)
        file, = self.kept()
        whole = file.read_bytes()
        for name, spoil in ('torn', whole[:-1]), ('torn', whole[:-40] + bytes([whole[-40] ^ 1]) + whole[-39:]), \
                ('no KV snapshot', b'x' * len(whole)), ('torn', b''), ('otherwise: build', whole.replace(b'build ', b'BUILD ', 1)):
            with self.subTest(name):
                self.home.joinpath('state', 'log').unlink(missing_ok=True)
                file.write_bytes(spoil)
                self.chat('two\n', '-c')
                self.assertEqual(self.answers()[-1]['reused'], 0)
                self.assertIn(name, self.log())
        self.chat('two\n', '-c', '--set', 'model.threads=3')
        self.assertEqual(self.answers()[-1]['reused'], 0)
        self.assertIn('otherwise: device', self.log())
        self.verify(len(self.answers()))

    def test_another_model_of_the_same_shape(self):
        self.chat('one\n')
        other = self.derive('other')
        for f in other.glob('*.safetensors'):
            f.write_bytes(f.read_bytes()[:-2] + b'\0\0')
        self.chat('two\n', '-c', '-m', other)
        self.assertEqual(self.answers()[-1]['reused'], 0)
        self.assertIn('otherwise: weights', self.log())

    def test_the_cap(self):
        self.chat('one\n')
        oldest, = self.kept()
        size = oldest.stat().st_size
        self.chat('one\n', '--set', f'kv.snapshot_max={2 * size + 8192}')
        self.assertEqual(len(self.kept()), 2)
        self.chat('one\n', '--set', f'kv.snapshot_max={2 * size + 8192}')
        self.assertEqual(len(self.kept()), 2)
        self.assertNotIn(oldest, self.kept())
        self.chat('one\n', '--set', f'kv.snapshot_max={size - 1}')
        self.assertEqual(len(self.kept()), 2)
        self.assertIn('no KV snapshot is written: it would have', self.log())

    def test_what_cannot_be_written_is_a_line_in_the_log(self):
        self.home.mkdir()
        (self.home / 'cache').write_text('no folder')
        self.chat('one\n')
        self.chat('two\n', '-c')
        self.assertEqual(len(self.answers()), 2)
        self.assertIn('no KV snapshot is written: cannot make folder', self.log())

    def test_it_goes_with_its_session(self):
        self.chat('one\n')
        self.good(self.run_it('rm', '-q', '-f', 'last'))
        self.assertFalse(self.kept())


class Terminal(ProgramTest):
    def talk(self, script, *args):
        """script: (what is awaited, what is typed then). Returns (status, all that was shown)."""
        def reader(fd):
            said, seen = b'', 0
            for awaited, typed in script:
                until = time.monotonic() + TIMEOUT
                while awaited not in said[seen:]:
                    self.assertLess(time.monotonic(), until, said)
                    if select.select([fd], [], [], 1)[0]:
                        said += os.read(fd, 65536)
                seen = said.index(awaited, seen) + len(awaited)
                os.write(fd, typed)
            return said + read_all(fd)
        self.env['TERM'] = 'dumb'
        status, said = in_terminal([IVCHAT, '-m', TINY, '-n', '3', *args], self.env, self.dir, reader)
        self.assertNotIn(b'\x1b', said)
        return status, said.decode().replace('\r', '')

    def test_a_conversation(self):
        status, said = self.talk([(b'User: ', b'one\n'), (b'\nUser: ', b'/sessions\n'), (b'Number: ', b'9\n'),
                                  (b'Number: ', b'\n'), (b'User: ', b'\x04')])
        self.assertEqual(status, 0)
        self.assertEqual(said.count('User: one\n'), 1)
        self.assertRegex(said, r'(?s)Working\n.*User: one\nWorking\nAssistant: .*\[cut at 3\]\nUser: /sessions\n'
                               r'Sessions:\n1\. one, 1 turn, \d\d:\d\d, [0-9a-f]{4}\n')
        self.assertIn('a number of the list, or an empty line\nNumber: ', said)
        self.assertRegex(said, r'\nivchat -s [0-9a-f]{4}\n\Z')

    def test_offered_text(self):
        status, said = self.talk([(b'User: ', f'{GRAY}\n'.encode()), (b'User: ', b'\n'), (b'User: ', b'\n'),
                                  (b'\nUser: ', b'\x03'), (b'\nUser: ', b'/quit\n')])
        self.assertEqual(status, 0)
        self.assertIn('Input: Please describe the image in detail.\n', said)
        self.assertRegex(said, r'\[#1 gray.png 257x131\]\nWorking\nAssistant: ')
        self.assertIn('Ctrl-D or /quit leaves\n', said)

    def test_resumed_with_its_picture(self):
        self.good(self.ask('-n', '1', '-i', GRAY, 'what'))
        status, said = self.talk([(b'User: what\r\n', b''), (b'\nUser: ', b'\x04')], '-c')
        self.assertEqual(status, 0)
        self.assertIn('[#1 gray.png 257x131]\nUser: what\nAssistant: ', said)

    def test_other_locale(self):
        self.env['LC_ALL'] = 'C'
        status, said = self.talk([(b'User: ', b'\x04')])
        self.assertEqual(status, 0)


class Doctor(ProgramTest):
    def test_report(self):
        self.good(self.ask('-n', '1', 'very secret'))
        report = self.good(self.run_it('doctor', '-m', TINY))
        self.assertTrue(report.endswith('\n0 problems\n'))
        for line in 'terminal +not a terminal', 'locale +UTF-8', 'model .*: whole, ', 'store .*: writes and locks', \
                'sessions +1', 'libraries .*ncursesw ', 'processor ', 'config .*: there is none':
            self.assertRegex(report, rf'(?m)^  {line}')
        self.assertNotIn('secret', report)
        self.assertNotIn(str(self.dir), report)
        self.assertEqual(list((self.home / 'data').glob('.doctor*')), [])

    def test_a_narrow_terminal(self):
        def reader(fd):
            fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack('HHHH', 24, 40, 0, 0))
            return read_all(fd)
        args = ['/bin/sh', '-c', 'sleep 0.3; exec "$@"', 'sh', IVCHAT, 'doctor', '-m', TINY]
        _, said = in_terminal(args, self.env, self.dir, reader)
        lines = re.sub('\x1b[^a-zA-Z]*[a-zA-Z]|\x1b.*?\x1b\\\\', '', said.decode().replace('\r', '')).splitlines()
        self.assertTrue(any(re.match(r' {13}\S', line) for line in lines), lines)
        for line in lines:
            self.assertTrue(len(line) < 40 or ' ' not in line[13:], line)

    def test_problems(self):
        self.env.update(TERM='no-such', LC_ALL='C')
        result = self.run_it('doctor', '-m', '/nowhere', '--set', 'gen.temp=1')
        self.assertEqual((result.returncode, result.stderr), (1, b''))
        report = result.stdout.decode()
        self.assertRegex(report, r"(?m)^! model +cannot open the model folder '/nowhere'")
        self.assertRegex(report, r'(?m)^! locale ')
        self.assertRegex(report, r'(?m)^! colours ')
        self.assertTrue(report.endswith('\n3 problems\n'))
        self.assertEqual(self.sessions(), [])

    def test_keys(self):
        def reader(fd):
            said = b''
            while b'q ends' not in said:
                said += os.read(fd, 4096)
            for key in b'\x1b[A', b'\x07\x07', b'x', b'q':
                os.write(fd, key)
                time.sleep(0.2)
            return said + read_all(fd)
        status, said = in_terminal([IVCHAT, 'doctor', '--keys'], self.env, self.dir, reader)
        lines = said.decode().replace('\r', '').splitlines()
        self.assertEqual(status, 0)
        self.assertRegex(lines[1], r'^ESC \[ A +Up: ')
        self.assertRegex(lines[2], r'^\^G \^G +bound to nothing$')
        self.assertRegex(lines[3], r'^x +text$')
        self.fails(self.run_it('doctor', '--keys'), 2, 'keys come from a terminal, and this is none')


if __name__ == '__main__':
    main()
