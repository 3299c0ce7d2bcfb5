#!/usr/bin/env python3
# verify.py: conversations held on a GPU, with the demo model, greedy and drawn, with pictures and several turns, and all
# their answers computed once more: token for token the same. Of `make check-gpu`.
import json
import os
import pathlib
import sys

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / 'program'))
from program import SOURCE, ProgramTest, main

MODEL = SOURCE / 'share' / 'model'
PICTURES = HERE.parent / 'demo' / 'pictures'


class Verify(ProgramTest):
    def session(self, which):
        return pathlib.Path(self.good(self.run_it('path', which)).strip()).read_text()

    def test_the_same_again(self):
        for temp in '0', '0.8':
            turns = ('What is in the picture?', 'And which colour?', 'How many are there?')
            for i, question in enumerate(turns):
                where = ['-i', PICTURES / '12-several.jpg'] if i == 0 else ['-c']
                self.good(self.run_it('ask', '-m', MODEL, '-t', temp, '--seed', '5', '-n', '48', *where, question))
            self.assertRegex(self.session('last'), r'"gpu": ?"cuda, ')
            said = self.good(self.run_it('replay', '--verify', '-m', MODEL, 'last'))
            self.assertRegex(said, r'(?s)^turn 1: same \d+\nturn 2: same \d+\nturn 3: same \d+\n')

    def test_what_was_kept_goes_on(self):
        """kv.snapshot: keys and values from a file are those that the card would compute, as far as answers tell."""
        for quant in 'bf16', 'int8':
            for question, where in ('What is in the picture?', ['-i', PICTURES / '12-several.jpg']), ('Which colours?', ['-c']):
                result = self.run_it('--plain', '-m', MODEL, '--quant', quant, '-n', '48', '--set', 'kv.snapshot=on', *where,
                                     stdin=question + '\n')
                self.assertEqual(result.returncode, 0, result.stderr)
            first, second = [r for r in map(json.loads, self.session('last').splitlines()) if r['t'] == 'answer']
            self.assertGreater(second['reused'], first['segs'][-1][1])
            said = self.good(self.run_it('replay', '--verify', '-m', MODEL, '--quant', quant, 'last'))
            self.assertRegex(said, r'(?s)^turn 1: same \d+\nturn 2: same \d+\n')


if __name__ == '__main__':
    if 'IVCHAT_TEST_GPU' not in os.environ:
        print('skipped: $IVCHAT_TEST_GPU names no GPU')
        sys.exit(77)
    main()
