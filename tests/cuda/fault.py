#!/usr/bin/env python3
# fault.py: the program on a card that fails for real in mid-answer (breaks.cu): what was said is kept, one line says what
# happened and one what to do, and what comes next, on the same card and told to the same program, is answered as ever.
# Of `make check-gpu`.
import json
import os
import pathlib
import sys

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / 'program'))
import program
from chat_pty import Terminal
from program import SOURCE, ProgramTest, main

MODEL = SOURCE / 'share' / 'model'
PICTURE = HERE.parent / 'demo' / 'pictures' / '12-several.jpg'
QUESTION = 'What is in the picture?'
BREAKS = os.path.abspath('./cuda_breaks.so')
AT = 6                          # the graph that is launched when the card fails: a token each


class Fault(ProgramTest):
    def setUp(self):
        super().setUp()
        self.model = ['-m', MODEL, '--guess', 'off', '-t', '0']

    def whole(self):
        return self.good(self.run_it('ask', *self.model, '--no-save', '-i', PICTURE, QUESTION)).strip()

    def break_it(self, at=AT):
        self.env.update(LD_PRELOAD=BREAKS, IVCHAT_TEST_BREAK=str(at))

    def of_kind(self, kind):
        return [r for r in self.records() if r['t'] == kind]

    def is_beginning(self, text, whole):
        self.assertTrue(whole.startswith(text) and 0 < len(text) < len(whole), (text, whole))

    def test_ask(self):
        whole = self.whole()
        self.break_it()
        result = self.run_it('ask', *self.model, '-i', PICTURE, QUESTION)
        self.is_beginning(result.stdout.decode().strip(), whole)
        said = result.stderr.decode().splitlines()
        self.assertEqual(len(said), 2, said)
        self.assertRegex(said[0], '^ivchat: the GPU failed in .*illegal memory access')
        self.assertRegex(said[1], '^try: ')
        self.assertEqual(result.returncode, 7)
        answer, = self.of_kind('answer')
        self.assertEqual((answer['text'], answer['stop']), (result.stdout.decode().strip(), 'error'))

    def test_batch(self):
        whole = self.whole()
        (self.dir / 'in').write_text(''.join(json.dumps({'id': i, 'text': QUESTION, 'image': str(PICTURE)}) + '\n' for i in range(3)))
        self.break_it()
        result = self.run_it('batch', *self.model, 'in')
        self.assertEqual(result.returncode, 1)
        first, *others = map(json.loads, result.stdout.splitlines())
        self.assertEqual(first['error']['code'], 7)
        self.assertEqual([r['answer'] for r in others], [whole, whole])

    def test_line_by_line(self):
        whole = self.whole()
        self.break_it()
        result = self.run_it('--plain', *self.model, '-i', PICTURE, stdin=f'{QUESTION}\n{QUESTION}\n')
        first, *others = self.of_kind('answer')
        self.is_beginning(first['text'], whole)
        self.assertEqual(first['stop'], 'error')
        self.assertEqual([r['stop'] for r in others], ['eos'])
        self.assertIn('the GPU failed', result.stderr.decode())
        self.assertEqual(result.returncode, 7)

    def n_answers(self):
        return sum(path.read_bytes().count(b'"t":"answer"') for path in self.sessions())

    def test_on_the_screen(self):
        whole = self.whole()
        self.break_it()

        def play(t):
            t.wait('/help')
            t.say(QUESTION)
            t.wait('GPU failed')
            t.wait('loads the model again')
            self.assertEqual(self.n_answers(), 1)
            t.say('And now?')
            while self.n_answers() < 2:
                self.assertTrue(t.read(0.1))
            t.keys('\x04\x04')
            return t.rest()
        status, _ = program.in_terminal([program.IVCHAT, *self.model, '-i', PICTURE], self.env, self.dir,
                                        lambda fd: play(Terminal(fd)))
        self.assertEqual(status, 0)
        first, second = self.of_kind('answer')
        self.is_beginning(first['text'], whole)
        self.assertEqual((first['stop'], second['stop']), ('error', 'eos'))


if __name__ == '__main__':
    if 'IVCHAT_TEST_GPU' not in os.environ:
        print('skipped: $IVCHAT_TEST_GPU names no GPU')
        sys.exit(77)
    main()
