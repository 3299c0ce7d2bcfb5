#!/usr/bin/env python3
# packed.py: the demo model packed by `model quantize` answers on a GPU as the same model does that the GPU packs on loading:
# the same text, and the same log probabilities to the last digit. Of `make check-gpu`.
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


class Packed(ProgramTest):
    def said(self, model, *args):
        answer = json.loads(self.good(self.run_it('ask', '-m', model, '--no-save', '--json', '--logprobs', '3', '-n', '60',
                                                  '-i', PICTURE, *args, 'What is in the picture?')))
        return answer['text'], answer['ids'], answer['logprobs']

    def test_the_same_from_either(self):
        for kind in 'fp8', 'int8', 'int4':
            folder = self.dir / kind
            self.good(self.run_it('model', 'quantize', MODEL, folder, '--quant', kind))
            self.assertEqual(self.said(folder), self.said(MODEL, '--quant', kind), kind)
            plan = self.good(self.run_it('model', 'plan', folder))
            self.assertIn(f'quant         {kind}, as it is stored\n', plan)
            self.fails(self.run_it('ask', '-m', folder, '--quant', 'bf16', '--no-save', 'x'), 2,
                       f'--quant bf16: the weights are stored in {kind}, and are used as they are')


if __name__ == '__main__':
    if 'IVCHAT_TEST_GPU' not in os.environ:
        print('skipped: $IVCHAT_TEST_GPU names no GPU')
        sys.exit(77)
    main()
