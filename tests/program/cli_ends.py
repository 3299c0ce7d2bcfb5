#!/usr/bin/env python3
# cli_ends.py: how an answer ends before its end: signals, a reader that goes away, kill -9, a limit. What was said is
# kept each time. The model's answers never end by themselves, so each of these runs is stopped in the middle.
import json
import os
import signal
import sys
import time

sys.dont_write_bytecode = True
from program import IVCHAT, TIMEOUT, TINY, ProgramTest, in_terminal, main, read_all

LONG = ['ask', '-m', TINY, '-n', '16000']


class Ends(ProgramTest):
    def wait_for_part(self, program, least=1):
        """Until so many bytes of the answer are on disk; the text of the parts so far."""
        until = time.monotonic() + TIMEOUT
        while time.monotonic() < until:
            self.assertIsNone(program.poll(), program.returncode)
            text = self.parts()
            if len(text.encode()) >= least:
                return text
            time.sleep(0.02)
        return self.fail('no part of the answer came')

    def parts(self):
        if not self.sessions():
            return ''
        lines = self.sessions()[0].read_bytes().split(b'\n')[:-1]
        records = [json.loads(line) for line in lines]
        return ''.join(r['text'] for r in records if r['t'] == 'part')

    def ended_by(self, sig, status, stop):
        program = self.start(*LONG, 'hello')
        said = self.wait_for_part(program)
        program.send_signal(sig)
        out, err = program.communicate(timeout=30)
        self.assertEqual((program.returncode, err), (status, b''))
        answer = self.records()[-1]
        self.assertEqual((answer['t'], answer['stop']), ('answer', stop))
        self.assertTrue(answer['text'].startswith(said))
        self.assertEqual(out.decode(), answer['text'] + '\n')
        self.assertLess(len(answer['ids']), 16000)
        self.assertEqual(len(answer['ids']), len(answer['ms']))
        self.assertEqual(answer['sampling']['max_tokens'], 16000)

    def test_interrupt(self):
        self.ended_by(signal.SIGINT, 130, 'user')

    def test_terminate(self):
        self.ended_by(signal.SIGTERM, 143, 'hangup')

    def test_hangup(self):
        self.ended_by(signal.SIGHUP, 129, 'hangup')

    def test_interrupt_again_and_again(self):
        program = self.start(*LONG, 'hello')
        self.wait_for_part(program)
        for _ in range(20):
            program.send_signal(signal.SIGINT)
        program.communicate(timeout=30)
        self.assertEqual(program.returncode, 130)
        self.assertEqual(self.records()[-1]['stop'], 'user')

    def test_interrupt_at_any_moment(self):
        """From the first millisecond on: either nothing was begun, or the question is kept."""
        for delay in range(0, 60, 3):
            program = self.start(*LONG, 'hello')
            time.sleep(delay / 1000)
            program.send_signal(signal.SIGINT)
            out, err = program.communicate(timeout=30)
            self.assertIn(program.returncode, (130, -signal.SIGINT), err)
            self.assertEqual(err, b'')
            for path in self.sessions():
                kinds = [r['t'] for r in self.records(path)]
                if program.returncode == 130:
                    self.assertEqual((kinds[:2], kinds[-1]), (['session', 'user'], 'answer'))
                path.unlink()

    def test_what_was_ignored_stays_ignored(self):
        """nohup: the answer goes on."""
        program = self.start('ask', '-m', TINY, '-n', '3000', 'hello',
                             preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
        self.wait_for_part(program)
        program.send_signal(signal.SIGHUP)
        program.communicate(timeout=60)
        self.assertEqual(program.returncode, 0)
        self.assertEqual(len(self.records()[-1]['ids']), 3000)

    def test_kill(self):
        """kill -9: all but the last second is kept, `show` shows it, and the session can be gone on with."""
        program = self.start(*LONG, 'hello')
        said = self.wait_for_part(program, 1000)
        program.kill()
        program.communicate()
        self.assertGreaterEqual(len(said.encode()), 1000)
        shown = self.good(self.run_it('show', 'last', '--raw'))
        self.assertTrue(shown.startswith('hello\n' + said), (shown[:100], said[:100]))
        self.assertIn('[interrupted]', self.good(self.run_it('show', 'last')))
        self.good(self.ask('-c', '-n', '3', 'and now?'))
        records = [r for r in self.records() if r['t'] in ('user', 'answer')]
        self.assertEqual([r['t'] for r in records], ['user', 'user', 'answer'])
        self.assertEqual(records[-2]['up'], 2)

    def test_reader_goes_away(self):
        """Whole lines go into a pipe: a reader that closes it ends the program at the next, without a word."""
        program = self.start('ask', '-m', TINY, '-n', '16000', '--stream-json', 'hello')
        self.assertIn(b'"start"', program.stdout.readline())
        program.stdout.readline()
        program.stdout.close()
        self.assertEqual(program.stderr.read(), b'')
        program.stderr.close()
        self.assertEqual(program.wait(timeout=30), 141)
        answer = self.records()[-1]
        self.assertEqual((answer['t'], answer['stop']), ('answer', 'hangup'))
        self.assertGreater(len(answer['ids']), 0)

    def test_list_into_a_pipe_that_is_closed(self):
        end, other = os.pipe()
        os.close(end)
        with os.fdopen(other, 'wb') as closed:
            result = self.run_it('help', stdout=closed)
        self.assertEqual((result.returncode, result.stderr), (141, b''))

    def test_limit(self):
        got = json.loads(self.good(self.ask('--json', '-n', '7', 'hello')))
        self.assertEqual((got['stop'], len(got['ids']), got['tokens']['answer']), ('length', 7, 7))
        self.assertEqual(self.records()[-1]['stop'], 'length')

    def test_full_context(self):
        got = json.loads(self.good(self.ask('--json', '--ctx', '200', '-n', '200', 'hello')))
        self.assertEqual(got['stop'], 'context')
        self.assertEqual(got['tokens']['prompt'] + got['tokens']['answer'], 201)
        self.assertEqual(self.records()[-1]['text'], got['text'])

    def test_interrupt_key(self):
        """Ctrl-C in a terminal: the line ends, the shell gets 130; no control character of the answer gets through."""
        def reader(fd):
            said = os.read(fd, 100)
            os.write(fd, b'\x03')
            return said + read_all(fd)
        status, said = in_terminal([IVCHAT, 'ask', '-q', '-m', TINY, '-n', '16000', 'hello'], self.env, self.dir, reader)
        self.assertEqual(status, 130)
        self.assertTrue(said.endswith(b'\r\n'))
        self.assertFalse([c for c in said if c < 32 and c not in b'\r\n'], said)
        self.assertEqual(self.records()[-1]['stop'], 'user')


if __name__ == '__main__':
    main()
