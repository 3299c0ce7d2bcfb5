#!/usr/bin/env python3
# cli_guess.py: --guess on and off: the same answers and log probabilities, and sessions of the one verified by the other;
# what `bench` says of it. With $IVCHAT_TEST_GPU (make check-gpu) on that GPU, for every kind of weights.
import json
import os
import pathlib
import re
import sys

sys.dont_write_bytecode = True
from program import GRAY, SOURCE, TINY, ProgramTest, main

GPU = 'IVCHAT_TEST_GPU' in os.environ
QUANTS = ('bf16', 'fp8', 'int8', 'int4') if GPU else ('auto',)
MODEL = SOURCE / 'share' / 'model'
PICTURE = SOURCE / 'tests' / 'demo' / 'pictures' / '12-several.jpg'
LIST = 'one, two, three, one, two, three, one, two, three'
# The less a penalty is than 1, the more a model repeats itself: most guesses are right then.
AGAIN = ['--repeat-penalty', '0.2', '-n', '100']
SOME = ['--repeat-penalty', '0.4', '-t', '1', '--seed', '3', '-n', '100']
DRAWN = ['-t', '0.9', '--top-k', '30', '--top-p', '0.95', '--seed', '42', '-n', '60']
# A GPU takes the better part of a second to begin: of all that is tried on the CPU each kind of weights gets a part there.
DESCRIBE = ['-i', PICTURE, 'Please describe the image in detail.']
WAYS = ([], AGAIN, SOME) if GPU else ([], AGAIN, SOME, DRAWN)
QUESTIONS = (DESCRIBE,) if GPU else (DESCRIBE, ['What do you see? ' + LIST])
TURNS = (('on', 'off'),) if GPU else (('on', 'off'), ('off', 'on'), ('on', 'on'))       # said so, verified so


class Guessing(ProgramTest):
    def answer(self, guess, quant, model, *args):
        """All that an answer consists of but its times, and how many guesses were right of how many."""
        result = self.run_it('ask', '-v', '--json', '--logprobs', '5', '-m', model, '--quant', quant, '--guess', guess,
                             '--seed', '5', *args)
        self.assertEqual(result.returncode, 0, result.stderr)
        said = json.loads(result.stdout)
        for key in 'ms', 'tokens_per_s', 'session':
            said.pop(key)
        guessed = re.search(r' \((\d+) of (\d+) guesses right\)', result.stderr.decode())
        return said, [int(n) for n in guessed.groups()] if guessed else [0, 0]

    def same(self, quant, model, *args):
        off, none = self.answer('off', quant, model, '--no-save', *args)
        on, guessed = self.answer('on', quant, model, '--no-save', *args)
        self.assertEqual(none, [0, 0])
        for key in off:                 # one after the other: what differs first is short
            self.assertEqual(on[key], off[key], key)
        self.assertEqual(set(on), set(off))
        return guessed

    def test_answers_are_the_same(self):
        for quant in QUANTS:
            with self.subTest(quant=quant):
                right, n = 0, 0
                for how in WAYS:
                    for question in QUESTIONS:
                        guessed = self.same(quant, MODEL, *how, *question)
                        right, n = right + guessed[0], n + guessed[1]
                self.assertGreater(right, 30)
                self.assertGreater(n - right, 10)

    def test_a_model_that_says_nothing(self):
        if GPU:
            self.skipTest('its rows are too short for a GPU')
        right = 0
        for how in [], AGAIN, SOME, DRAWN:
            for question in [LIST], ['-i', GRAY, LIST]:
                right += self.same('auto', TINY, *how, *question)[0]
        self.assertGreater(right, 50)

    def test_auto(self):
        """By itself it never guesses on the CPU; on a GPU, where it does, answers are the same too."""
        said, guessed = self.answer('auto', 'auto', MODEL, '--no-save', *AGAIN, *DESCRIBE)
        self.assertEqual(guessed[1] > 0, GPU)
        self.assertEqual(said['ids'], self.answer('off', 'auto', MODEL, '--no-save', *AGAIN, *DESCRIBE)[0]['ids'])

    def test_sessions_verify(self):
        """What was said with guesses is the same without, and the other way round, over several turns."""
        for quant in QUANTS:
            kept = []
            for said, verified in TURNS:
                with self.subTest(quant=quant, said=said, verified=verified):
                    model = ['-m', MODEL, '--quant', quant, '--guess']
                    for turn in [*AGAIN, '-i', PICTURE, 'What is in the picture?'], ['-c', *SOME, 'And which colours?'], \
                            ['-c', 'How many are there?'], ['-c', *DRAWN, 'Please describe the image in detail.']:
                        self.good(self.run_it('ask', *model, said, *turn))
                    self.assertRegex(self.good(self.run_it('replay', '--verify', *model, verified, 'last')),
                                     r'^turn 1: same \d+\nturn 2: same \d+\nturn 3: same \d+\nturn 4: same \d+\n$')
                    path = self.good(self.run_it('path', 'last')).strip()
                    kept.append([(r['ids'], r['segs']) for r in self.records(pathlib.Path(path)) if r['t'] == 'answer'])
            self.assertEqual(len(kept[0]), 4)
            for one in kept:
                self.assertEqual(one, kept[0])

    def test_a_context_that_gets_full(self):
        for quant in QUANTS:
            for ctx in range(154, 155 if GPU else 158):
                self.assertGreater(self.same(quant, MODEL, *AGAIN, '--ctx', ctx, *DESCRIBE)[0], 10)

    def test_bench(self):
        for quant in QUANTS:
            got = json.loads(self.good(self.run_it('bench', '--only', 'spec', '--json', '-m', MODEL, '--quant', quant)))
            self.assertEqual([f['name'] for f in got['figures']], [f'spec-pass@{n}' for n in range(1, 5)] +
                             ['spec-copy', 'spec-chat', 'spec-code'])
            for figure in got['figures'][4:]:
                self.assertTrue(figure['guess']['same'], figure)
                self.assertFalse(figure['guess']['given'])
                self.assertGreater(figure['guess']['tokens'], 1)
        said = self.good(self.run_it('bench', '--only', 'spec', '-m', MODEL))
        self.assertRegex(said, r'(?m)^spec-copy .*\n +[\d.]+ ms without: [\d.]+ x; \d+ % of \d+ guesses right; \d+ tokens chosen; '
                         r'the same bits$')
        self.assertNotIn('spec', self.good(self.run_it('bench', '--only', 'spec', '--guess', 'off', '-m', MODEL)))


if __name__ == '__main__':
    main()
