#!/usr/bin/env python3
# two.py: the demo model on two GPUs, its layers dealt to them, says what it says on one: the same text and the same log
# probabilities to the last digit, greedy and drawn, with a picture and over two turns. Of `make check-gpu` where two are.
import json
import os
import pathlib
import sys

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / 'program'))
from program import SOURCE, ProgramTest, main

MODEL = SOURCE / 'share' / 'model'
PICTURE = HERE.parent / 'demo' / 'pictures' / '12-several.jpg'


class Two(ProgramTest):
    def said(self, gpus, *args):
        answer = json.loads(self.good(self.run_it('ask', '-m', MODEL, '--gpus', gpus, '--json', '--logprobs', '3', '-n', '60',
                                                  *args)))
        return answer['text'], answer['ids'], answer['logprobs']

    def test_the_same_on_both(self):
        for how in ['-t', '0'], ['-t', '0.8', '--seed', '7']:
            for quant in 'bf16', 'int8', 'int4':
                answers = [[self.said(gpus, *how, '--quant', quant, '-i', PICTURE, 'What is in the picture?'),
                            self.said(gpus, *how, '--quant', quant, '-c', '多少个？')] for gpus in ('0', '0,1', '1,0')]
                self.assertEqual(answers[1], answers[0], (how, quant))
                self.assertEqual(answers[2], answers[0], (how, quant))

    def test_the_devices_are_told(self):
        self.good(self.run_it('ask', '-m', MODEL, '--gpus', '0,1', 'Hello'))
        session = pathlib.Path(self.good(self.run_it('path', 'last')).strip()).read_text()
        self.assertRegex(session, r'"gpu": ?"cuda, 2 x ')


if __name__ == '__main__':
    if 'IVCHAT_TEST_GPU' not in os.environ:
        print('skipped: $IVCHAT_TEST_GPU names no GPU')
        sys.exit(77)
    main()
