#!/usr/bin/env python3
# cli_demo.py: the model that comes with the program: found without being named, right about its own pictures, in English
# and Chinese, over several turns.
import os
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
from program import IVCHAT, SOURCE, ProgramTest, main

MODEL = SOURCE / 'share' / 'model'
PICTURES = SOURCE / 'share' / 'pictures'


class Demo(ProgramTest):
    def setUp(self):
        super().setUp()
        self.env['IVCHAT_SHARE'] = str(SOURCE / 'share')

    def says(self, *args):
        return self.good(self.run_it('ask', *args))

    def test_it_is_whole(self):
        self.assertRegex(self.good(self.run_it('model', 'check')), r': whole, 2\d{7} bytes of weights\n$')

    def test_several_turns_in_two_languages(self):
        self.assertRegex(self.says('-i', PICTURES / 'three-cats.png', 'How many cats are there?'), r'(?i)three')
        self.assertRegex(self.says('-c', 'What colour are they?'), r'(?i)orange')
        self.assertRegex(self.says('-c', '图里有什么？'), r'猫')
        self.assertEqual([r.get('stop') for r in self.records() if r['t'] == 'answer'], ['eos'] * 3)

    def test_a_picture_alone(self):
        said = self.says('-i', PICTURES / 'red-star.png')
        self.assertRegex(said, r'red star')

    def test_found_beside_the_build(self):
        """A program in build/ of a source tree finds share/ there."""
        del self.env['IVCHAT_SHARE']
        tree = self.dir / 'tree'
        (tree / 'build').mkdir(parents=True)
        (tree / 'share').mkdir()
        os.symlink(MODEL, tree / 'share' / 'model')
        shutil.copy(IVCHAT, tree / 'build' / 'ivchat')
        result = subprocess.run([tree / 'build' / 'ivchat', 'model', 'info'], capture_output=True, env=self.env)
        self.assertEqual(result.returncode, 0)
        self.assertRegex(result.stdout, rb'parameters    11\d{6}\n')
        self.assertIn(b'\nabout         the small built-in demo, 12 M parameters, simple drawings only; -m DIR opens the real one\n',
                      result.stdout)

    def test_a_folder_that_is_named_is_no_built_in_one(self):
        for named in (['info', MODEL], ['info', '-m', MODEL]):
            result = self.run_it('model', *named)
            self.assertEqual(result.returncode, 0)
            self.assertNotIn(b'about', result.stdout)


if __name__ == '__main__':
    if not (MODEL / 'config.json').exists():
        print(f'skipped: no model at {MODEL}')
        sys.exit(77)
    main()
