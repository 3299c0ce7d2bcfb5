#!/usr/bin/env python3
# cli_quantize.py: `model quantize`: what it writes is a model that opens by itself, says what it is, answers nearly as its
# source and is never taken for it; and each way to ask for it wrongly.
import json
import struct
import sys

sys.dont_write_bytecode = True
from program import GRAY, SOURCE, TINY, TINY_BYTES, ProgramTest, main, read_header

MODEL = SOURCE / 'share' / 'model'
PICTURE = sorted((SOURCE / 'share' / 'pictures').glob('*'))[0]
KINDS = 'fp8', 'int8', 'int4'


def e4m3(byte):
    exponent, fraction = byte >> 3 & 15, byte & 7
    size = fraction * 2.0 ** -9 if exponent == 0 else (8 + fraction) * 2.0 ** (exponent - 10)
    return -size if byte & 128 else size


def unpack(kind, rows, cols, q, scales):
    """The weights, row by row, as the manual says that they lie."""
    groups = (cols + 127) // 128 if kind == 'int4' else 1
    scales = struct.unpack(f'<{rows * groups}{"e" if kind == "int4" else "f"}', scales)
    width = (cols + 1) // 2 if kind == 'int4' else cols
    for r in range(rows):
        row = q[r * width:(r + 1) * width]
        if kind == 'int4':
            yield [((row[c // 2] >> 4 * (c % 2) & 15) - 8) * scales[r * groups + c // 128] for c in range(cols)]
        elif kind == 'int8':
            yield [v * scales[r] for v in struct.unpack(f'{cols}b', row)]
        else:
            yield [e4m3(v) * scales[r] for v in row]


class Quantize(ProgramTest):
    def quantize(self, *args):
        return self.run_it('model', 'quantize', *args)

    def packed(self, kind, base=TINY):
        folder = self.dir / kind
        said = self.good(self.quantize(base, folder, '--quant', kind))
        self.assertRegex(said, rf'^{folder}: {kind}, \d+ bytes of weights in 1 file, of \d+; packed ones are off by '
                               r'\d+\.\d\d %\n$')
        return folder

    def test_it_is_a_model(self):
        for kind in KINDS:
            folder = self.packed(kind)
            total = json.loads((folder / 'model.safetensors.index.json').read_text())['metadata']['total_size']
            self.assertLess(total, TINY_BYTES)
            self.assertEqual(self.good(self.run_it('model', 'check', folder)),
                             f'{kind}: whole, {total} bytes of weights, packed in {kind}\n')
            self.assertIn(f"packed        the decoder's matrices, in {kind}\n", self.good(self.run_it('model', 'info', folder)))
            plan = self.good(self.run_it('model', 'plan', folder, '--gpus', 'none'))
            self.assertRegex(plan, rf'weights +{total / (1 << 20):.1f} MiB  as they are stored')
            doctor = self.run_it('doctor', '-m', folder).stdout.decode()
            self.assertRegex(doctor, rf'whole, .*, {total} bytes, packed in {kind}, context')
            answer = self.ask('--no-save', '-n', '8', '-i', GRAY, 'what is this?', model=folder)
            self.assertEqual((answer.returncode, answer.stderr), (0, b''))
            self.assertEqual(answer.stdout, self.ask('--no-save', '-n', '8', '-i', GRAY, 'what is this?', model=folder).stdout)
            self.assertEqual(sorted(path.name for path in self.dir.glob('*.part')), [])

    def bytes_of(self, header, data, name):
        begin, end = header[name]['data_offsets']
        return data[begin:end]

    def test_the_layout(self):
        """What the manual says: rows and groups, the decoder's matrices alone, everything else as it was."""
        plain = {}
        for path in sorted(TINY.glob('*.safetensors')):
            header, data = read_header(path)
            plain.update({name: (entry, data) for name, entry in header.items() if name != '__metadata__'})
        for kind, stored in zip(KINDS, ('F8_E4M3', 'I8', 'U8')):
            folder = self.packed(kind)
            header, data = read_header(folder / 'model-00001-of-00001.safetensors')
            scales = {name for name in header if name.endswith('_scale')}
            self.assertEqual(set(header) - scales - {'__metadata__'}, set(plain))
            self.assertEqual(len(scales), 2 * 7 + 1)
            for name, (entry, old) in plain.items():
                rows, cols = entry['shape'][0], entry['shape'][-1]
                if name + '_scale' in scales:
                    self.assertEqual(header[name]['dtype'], stored)
                    self.assertEqual(header[name]['shape'], [rows, cols // 2 if kind == 'int4' else cols])
                    scale = header[name + '_scale']
                    self.assertEqual((scale['dtype'], scale['shape']),
                                     ('F16', [rows, (cols + 127) // 128]) if kind == 'int4' else ('F32', [rows]))
                    off = {'fp8': 1 / 16, 'int8': 1 / 60, 'int4': 1 / 4}[kind]
                    old_rows = struct.iter_unpack(f'<{cols}f', self.bytes_of({name: entry}, old, name))
                    for want, got in zip(old_rows, unpack(kind, rows, cols, self.bytes_of(header, data, name),
                                                          self.bytes_of(header, data, name + '_scale')), strict=True):
                        most = max(map(abs, want))
                        self.assertLessEqual(max(abs(a - b) for a, b in zip(want, got, strict=True)), off * most, name)
                else:
                    self.assertEqual(self.bytes_of(header, data, name), self.bytes_of({name: entry}, old, name))
            config = json.loads((folder / 'config.json').read_text())
            block = config.pop('quantization_config')
            self.assertEqual(config, json.loads((TINY / 'config.json').read_text()))
            self.assertEqual((block['quant_method'], block['format'], block['bits'], block.get('group_size')),
                             ('ivchat', kind, 4 if kind == 'int4' else 8, 128 if kind == 'int4' else None))
            for name in 'tokenizer.model', 'added_tokens.json', 'preprocessor_config.json':
                self.assertEqual((folder / name).read_bytes(), (TINY / name).read_bytes())

    def said(self, model):
        """The answer, and how likely its first token was."""
        result = self.ask('--no-save', '--json', '--logprobs', '1', '-n', '40', '-i', PICTURE, 'What is in the picture?',
                          model=model)
        answer = json.loads(self.good(result))
        return answer['text'], answer['logprobs'][0]['logprob']

    def test_it_answers_nearly_as_its_source(self):
        answer, likely = self.said(MODEL)
        for kind, off in zip(KINDS, (0.1, 0.03, 0.4)):
            again, still = self.said(self.packed(kind, MODEL))
            self.assertLess(abs(still - likely), off, kind)
            self.assertEqual(again.split()[:4], answer.split()[:4])

    def test_it_is_never_taken_for_its_source(self):
        self.good(self.ask('-n', '12', 'hello'))
        folder = self.packed('int8')
        result = self.run_it('replay', '--verify', '-m', folder, 'last')
        self.assertIn('other model', result.stdout.decode())
        self.assertNotIn('other', self.good(self.run_it('replay', '--verify', '-m', TINY, 'last')))

    def test_it_is_used_as_it_is(self):
        folder = self.packed('int8')
        self.good(self.ask('--no-save', '-n', '2', '--quant', 'int8', '--gpus', 'none', 'hello', model=folder))
        for kind in 'bf16', 'int4':
            for command in ('ask', '--no-save', '-m', folder, 'hello'), ('model', 'plan', folder):
                self.fails(self.run_it(*command, '--gpus', 'none', '--quant', kind), 2,
                           f'--quant {kind}: the weights are stored in int8, and are used as they are',
                           '--quant auto, or the folder that they were made from')

    def test_wrong_calls(self):
        to = self.dir / 'to'
        call = 'ivchat model quantize InternVL-Chat-V1-2-Plus InternVL-int8 --quant int8'
        self.fails(self.quantize(TINY, '--quant', 'int8'), 2, "model quantize needs the model's folder and the one to write",
                   call)
        for kind in [], ['--quant', 'auto'], ['--quant', 'bf16']:
            self.fails(self.quantize(TINY, to, *kind), 2, 'model quantize needs --quant fp8, int8 or int4', call)
        self.fails(self.quantize(self.dir / 'no', to, '--quant', 'fp8'), 4,
                   f"cannot open the model folder '{self.dir}/no': No such file or directory")
        self.fails(self.quantize(TINY, TINY, '--quant', 'fp8'), 6, f"'{TINY}' is not empty",
                   'a new folder: a checkpoint is not written over anything')
        folder = self.packed('int4')
        self.fails(self.quantize(folder, to, '--quant', 'fp8'), 4, f"'{folder}' is packed already, in int4",
                   'the folder that it was made from')
        self.fails(self.run_it('model', 'synth', to, '--shape', folder), 4,
                   f"'{folder}' is a shape of packed weights: only plain ones are made up",
                   '--shape with the folder that it was made from')
        self.assertEqual(sorted(path.name for path in self.dir.iterdir() if path.name != 'home'), ['int4'])

    def test_a_broken_one_is_refused_in_a_line(self):
        folder = self.packed('int8')
        config = folder / 'config.json'
        config.write_text(config.read_text().replace('"ivchat"', '"gptq"'))
        result = self.run_it('model', 'check', folder)
        self.assertEqual(result.returncode, 4)
        self.assertRegex(result.stderr.decode(), r'^ivchat: .*quantization_config is .*supported: what `ivchat model quantize` '
                                                 r'writes\ntry: ')


if __name__ == '__main__':
    main()
