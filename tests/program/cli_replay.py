#!/usr/bin/env python3
# cli_replay.py: sessions computed again: --verify compares token by token, --run answers anew; and played without a
# terminal.
import json
import re
import signal
import sys
import time

sys.dont_write_bytecode = True
from program import GRAY, IVCHAT, TINY, WIDE, ProgramTest, in_terminal, main, read_all

SAMPLED = ['-t', '1.2', '--top-k', '30', '--top-p', '0.95', '--repeat-penalty', '1.1', '--seed', '42']


class Replaying(ProgramTest):
    def say(self, *args, n=12):
        return json.loads(self.good(self.ask('--json', '-n', n, *args)))

    def replay(self, *args, model=TINY):
        return self.run_it('replay', '-m', model, *args)

    def change(self, change):
        """Rewrites the only session: change(record) may alter a record in place."""
        path = self.sessions()[0]
        records = self.records(path)
        for record in records:
            change(record)
        path.write_text(''.join(json.dumps(r, ensure_ascii=False, separators=(',', ':')) + '\n' for r in records))

    def rounds(self):
        self.say('-i', GRAY, 'what is this?')
        self.say('-c', *SAMPLED, 'and now?')
        self.say('-c', '-i', WIDE, 'and this?', n=40)
        self.say('-c', '-S', 'Be brief.', *SAMPLED, 'again')


class Verifying(Replaying):
    def test_same(self):
        """Pictures, sampling, a changed system message: each answer is the same, to the last token."""
        self.rounds()
        self.assertEqual(self.good(self.replay('--verify', 'last')),
                         'turn 1: same 12\nturn 2: same 12\nturn 3: same 40\nturn 4: same 12\n')
        self.assertEqual(self.good(self.replay('--verify', 'last', '--turn', '3')), 'turn 3: same 40\n')

    def test_json(self):
        self.rounds()
        got = json.loads(self.good(self.replay('--verify', 'last', '--json')))
        self.assertEqual((got['v'], got['same'], got['differ']), (1, 4, 0))
        self.assertEqual([t['turn'] for t in got['turns']], [1, 2, 3, 4])
        self.assertEqual(got['turns'][2], {'turn': 3, 'message': 6, 'result': 'same', 'tokens': 40, 'other': []})

    def test_a_changed_token_is_found(self):
        for turn, at in (1, 0), (2, 7), (2, 11):
            with self.subTest(turn=turn, at=at):
                self.say('what is this?')
                self.say('-c', *SAMPLED, 'and now?')
                kept = {}

                def change(record):
                    if record.get('id') == 2 * turn and record['t'] == 'answer':
                        kept['was'] = record['ids'][at]
                        record['ids'][at] = record['ids'][at] % 200 + 20
                self.change(change)
                result = self.replay('--verify', 'last')
                self.assertEqual((result.returncode, result.stderr), (1, b''))
                lines = result.stdout.decode().splitlines()
                self.assertEqual(lines[2 - turn], f'turn {3 - turn}: same 12')
                self.assertRegex(lines[turn - 1], rf'^turn {turn}: differs at {at + 1} of 12: was ".*" now ".+", '
                                 r'margin \d+\.\d{4}$')
                got = json.loads(self.replay('--verify', 'last', '--json', '--turn', turn).stdout)
                self.assertEqual((got['turns'][0]['at'], got['turns'][0]['now']['id']), (at + 1, kept['was']))
                self.sessions()[0].unlink()

    def test_a_changed_length_is_found(self):
        """The model goes on where the record says that it ended."""
        self.say('what is this?')

        def change(record):
            if record['t'] == 'answer':
                record['stop'] = 'eos'
        self.change(change)
        result = self.replay('--verify', 'last')
        self.assertEqual(result.returncode, 1)
        self.assertRegex(result.stdout.decode(), r'^turn 1: differs at 13 of 12: was the end now ".+", margin')

    def test_a_stopped_answer_is_compared_as_far_as_it_came(self):
        self.say('what is this?')

        def change(record):
            if record['t'] == 'answer':
                record.update(stop='user', ids=record['ids'][:5], ms=record['ms'][:5])
        self.change(change)
        self.assertEqual(self.good(self.replay('--verify', 'last')), 'turn 1: same 5\n')

    def test_what_is_another_stands_in_front(self):
        self.say('what is this?')

        def change(record):
            if record['t'] == 'answer':
                record.update(build='0.0.9', gpu='another')
            if record['t'] == 'session':
                record['model']['digest'] = '0' * 64
        self.change(change)
        self.assertEqual(self.good(self.replay('--verify', 'last')), 'turn 1: other model/build/gpu: same 12\n')

    def test_another_question_is_another_prompt(self):
        self.say('what is this?')

        def change(record):
            if record['t'] == 'user':
                record['text'] = 'what was this?!'
        self.change(change)
        self.assertRegex(self.replay('--verify', 'last').stdout.decode(), '^turn 1: other prompt: ')

    def test_answers_of_all_branches(self):
        """A second answer to the same question, and one below the first: each has its own past."""
        self.say('one')
        self.say('-c', 'two')
        path = self.sessions()[0]
        path.write_text(path.read_text() + '{"t":"head","id":1}\n')
        self.good(self.replay('--run', 'last', '-t', '1.3', '--seed', '3'))
        new = max(self.sessions(), key=lambda p: p.stat().st_mtime_ns)
        self.assertNotEqual(new, path)
        self.assertEqual(self.good(self.replay('--verify', path.stem)), 'turn 1: same 12\nturn 2: same 12\n')

    def test_nothing_recorded(self):
        messages = json.dumps([{'role': 'user', 'content': 'a'}, {'role': 'assistant', 'content': 'b'},
                               {'role': 'user', 'content': 'c'}])
        self.good(self.run_it('ask', '-m', TINY, '-n', '3', '--messages', '-', stdin=messages))
        self.assertEqual(self.good(self.replay('--verify', 'last')),
                         'turn 1: nothing to compare: no tokens are recorded\nturn 2: same 3\n')

    def test_failures(self):
        self.say('-i', GRAY, 'one')
        session = self.sessions()[0].stem
        self.fails(self.replay('--verify'), 2, 'replay needs one session', 'ivchat replay last')
        self.fails(self.replay('--verify', '--run', 'last'), 2, '--run and --verify do not go together')
        self.fails(self.replay('--verify', 'nobody'), 3, "no session 'nobody'")
        self.fails(self.replay('--verify', 'last', '--turn', '2'), 3, f'session {session} has no answer in turn 2')
        next(self.home.glob('data/pictures/*/*')).unlink()
        self.assertEqual(self.replay('--verify', 'last').returncode, 3)


class Running(Replaying):
    def newest(self):
        return max(self.sessions(), key=lambda p: p.stat().st_mtime_ns)

    def test_the_same_again(self):
        """Without options the answers are chosen as they were; the new session verifies and names its origin."""
        self.rounds()
        old = self.sessions()[0]
        before = old.read_bytes()
        lines = self.good(self.replay('--run', 'last')).splitlines()
        self.assertEqual(lines[:4], [f'turn {i}: same text' for i in range(1, 5)])
        self.assertEqual(old.read_bytes(), before)
        self.assertEqual(lines[4:], [f'session {self.newest().stem}'])
        records = self.records(self.newest())
        self.assertEqual(records[0]['origin'], old.stem)
        self.assertEqual(self.good(self.replay('--verify', self.newest().stem)).count('same'), 8)
        # the new answers stand beside the old ones
        answers = [r for r in records if r['t'] == 'answer']
        self.assertEqual([a['up'] for a in answers], [1, 3, 5, 7] * 2)
        self.assertEqual([a['ids'] for a in answers[:4]], [a['ids'] for a in answers[4:]])

    def test_new_history(self):
        self.rounds()
        self.good(self.replay('--run', 'last', '--history', 'new', '-n', '5', '-t', '1.5', '--seed', '9', '--name', 'x'))
        records = self.records(self.newest())
        self.assertEqual([(r['id'], r['up']) for r in records if r['t'] in ('user', 'answer')],
                         [(i, i - 1) for i in range(1, 9)])
        self.assertEqual({len(r['ids']) for r in records if r['t'] == 'answer'}, {5})
        self.assertEqual({r['seed'] for r in records if r['t'] == 'answer'}, {9})
        self.assertEqual([(r['up'], r['text']) for r in records if r['t'] == 'system'], [(6, 'Be brief.')])
        self.assertEqual(self.good(self.replay('--verify', 'x')), ''.join(f'turn {i}: same 5\n' for i in range(1, 5)))

    def test_diff(self):
        self.say('one')
        said = self.records()[-1]['text']
        result = self.good(self.replay('--run', 'last', '--diff', '--no-save', '-n', '6'))
        self.assertEqual(result, f'turn 1: other text\n[-{said}-] {{+{said[:6]}+}}\n\n')
        self.assertEqual(len(self.sessions()), 1)
        got = json.loads(self.good(self.replay('--run', 'last', '--diff', '--no-save', '-n', '6', '--json')))
        self.assertIsNone(got['session'])
        self.assertEqual((got['turns'][0]['was'], got['turns'][0]['text']), (said, said[:6]))

    def test_interrupted(self):
        self.say('one')
        process = self.start('replay', '-m', TINY, '--run', 'last', '-n', '12000')
        while len(self.sessions()) < 2 or b'"part"' not in self.newest().read_bytes():
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130)
        self.assertEqual(self.records(self.newest())[-1]['stop'], 'user')


class Playing(Replaying):
    def test_plainly(self):
        """Without a terminal the text is written at once, and no model is needed."""
        self.rounds()
        texts = [r['text'] for r in self.records() if r['t'] in ('user', 'answer')]
        whole = self.good(self.run_it('replay', '-m', 'nowhere', 'last'))
        self.assertEqual([b for b in re.split(r'(?:User|Assistant):\n(?:\[#.*\n)?', whole)[1:]],
                         [t + '\n\n' for t in texts])
        self.assertIn('User:\n[#1 gray.png 257x131]\nwhat is this?\n\nAssistant:\n', whole)
        self.assertEqual(self.good(self.replay('last', '--from', '2', '--to', '3')).count('User:'), 2)
        self.fails(self.replay('last', '--from', '9'), 3, 'there is nothing to play: the branch has 4 turns')

    def test_a_plain_terminal(self):
        """Where the screen cannot be drawn the text is written, and nothing in it acts on the terminal."""
        self.good(self.ask('-n', '2', stdin='\033[2Jred\n'))
        self.env['TERM'] = 'dumb'
        status, said = in_terminal([IVCHAT, 'replay', 'last'], self.env, self.dir, read_all)
        self.assertEqual(status, 0)
        self.assertIn(b'User:\r\n^[[2Jred\r\n', said)
        self.assertNotIn(b'\033', said)

    def test_branches(self):
        self.say('one')
        path = self.sessions()[0]
        path.write_text(path.read_text() + '{"t":"user","id":3,"up":0,"at":"","pics":[],"text":"other"}\n')
        self.assertIn('one', self.good(self.replay('last', '--branch', '1')))
        self.assertEqual(self.good(self.replay('last', '--branch', '2')), 'User:\nother\n\n')
        self.fails(self.replay('last', '--branch', '3'), 3, f'session {path.stem} has no branch 3')

    def test_options_that_do_not_go_together(self):
        self.say('one')
        self.fails(self.replay('last', '--diff'), 2, '--diff goes with --run only')
        self.fails(self.replay('last', '--history', 'new'), 2, '--history goes with --run only')
        self.fails(self.replay('last', '--json'), 2, '--json goes with --run and --verify')


if __name__ == '__main__':
    main()
