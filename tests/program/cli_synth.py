#!/usr/bin/env python3
# cli_synth.py: `model synth`: what it writes is a model that opens, is whole and answers; and each way to ask for it
# wrongly.
import json
import sys

sys.dont_write_bytecode = True
from program import GRAY, TINY, ProgramTest, main, read_header


class Synth(ProgramTest):
    def synth(self, *args):
        return self.run_it('model', 'synth', *args)

    def test_it_is_a_model(self):
        folder = self.dir / 'made'
        said = self.good(self.synth(folder, '--shape', TINY, '--seed', '3'))
        total = json.loads((folder / 'model.safetensors.index.json').read_text())['metadata']['total_size']
        self.assertEqual(said, f'{folder}: {total} bytes of random weights in 1 file, seed 3\n')
        _, data = read_header(folder / 'model-00001-of-00001.safetensors')
        self.assertEqual(len(data), total)
        self.assertEqual(self.good(self.run_it('model', 'check', folder)),
                         f'made: whole, {total} bytes of weights\n')
        answer = self.ask('--no-save', '-n', '8', '-i', GRAY, 'what is this?', model=folder)
        self.assertEqual((answer.returncode, answer.stderr), (0, b''))
        again = self.ask('--no-save', '-n', '8', '-i', GRAY, 'what is this?', model=folder)
        self.assertEqual(answer.stdout, again.stdout)

    def test_the_tokenizer_is_that_of_the_shape(self):
        folder = self.dir / 'made'
        self.good(self.synth(folder, '--shape', TINY))
        for name in 'tokenizer.model', 'added_tokens.json', 'config.json':
            self.assertEqual((folder / name).read_bytes(), (TINY / name).read_bytes())

    def test_wrong_calls(self):
        self.fails(self.synth(), 2, 'model synth needs the folder to write',
                   'ivchat model synth /dev/shm/model --shape 40b')
        self.fails(self.synth(self.dir / 'a', self.dir / 'b'), 2, 'model synth needs the folder to write')
        self.fails(self.synth(self.dir / 'a', '--shape', self.dir / 'no'), 4,
                   f"cannot open '{self.dir}/no/config.json': No such file or directory")
        self.assertFalse((self.dir / 'a').exists())

    def test_not_over_anything(self):
        folder = self.derive('mine')
        before = sorted((path.name, path.stat().st_size) for path in folder.iterdir())
        self.fails(self.synth(folder, '--shape', TINY), 6, f"'{folder}' is not empty",
                   'a new folder: a checkpoint is not written over anything')
        self.assertEqual(sorted((path.name, path.stat().st_size) for path in folder.iterdir()), before)


if __name__ == '__main__':
    main()
