#!/usr/bin/env python3
# cli_golden.py: what `ask --reference` and `tokenize` print, against what the official code computed.
import json
import sys

sys.dont_write_bytecode = True
from program import FIXTURES, ProgramTest, main, need_fixtures

PROMPTS = ['text', 'image', 'two_rounds', 'two_images_one_tag', 'two_images_two_tags']


def messages_of(prompt):
    said = []
    for question, answer in prompt['history'] or []:
        said += [{'role': 'user', 'content': question}, {'role': 'assistant', 'content': answer}]
    return said + [{'role': 'user', 'content': prompt['question']}]


class Ask(ProgramTest):
    TINY = FIXTURES / 'tiny-b'

    def ask_golden(self, model, prompt, *args):
        pictures = [arg for name in prompt['images'] for arg in ('-i', FIXTURES / 'images' / name)]
        return json.loads(self.good(self.ask('--reference', '--json', '--prompt-ids', '-n', len(prompt['continuation']),
                                             '--messages', '-', *pictures, *args, model=FIXTURES / model,
                                             stdin=json.dumps(messages_of(prompt)))))

    def compare(self, model):
        golden = json.loads((FIXTURES / 'golden' / f'{model}.json').read_text())['prompts']
        self.assertEqual(sorted(golden), sorted(PROMPTS))
        for name in PROMPTS:
            with self.subTest(model=model, prompt=name):
                got = self.ask_golden(model, golden[name])
                self.assertEqual(got['prompt_ids'], golden[name]['input_ids'])
                self.assertEqual(got['ids'], golden[name]['continuation'])
                self.assertEqual(got['text'], golden[name]['response_stripped'])
                self.assertEqual(got['tokens']['prompt'], len(golden[name]['input_ids']))
                self.assertEqual(len(got['pictures']), len(golden[name]['images']))
                self.assertEqual(got['stop'], 'length')

    def test_tiny_a(self):
        self.compare('tiny-a')

    def test_tiny_b(self):
        self.compare('tiny-b')

    def test_reference_leaves_no_session(self):
        golden = json.loads((FIXTURES / 'golden' / 'tiny-b.json').read_text())['prompts']['text']
        self.assertIsNone(self.ask_golden('tiny-b', golden)['session'])
        self.assertFalse(self.home.exists())

    def test_the_chat_assembles_the_same_prompt(self):
        """A single question with a picture: the screen's rule and the official one mean the same ids."""
        golden = json.loads((FIXTURES / 'golden' / 'tiny-b.json').read_text())['prompts']['image']
        picture = FIXTURES / 'images' / golden['images'][0]
        got = json.loads(self.good(self.ask('--json', '--prompt-ids', '-n', 32, '-i', picture, golden['question'],
                                              model=self.TINY)))
        self.assertEqual(got['prompt_ids'], golden['input_ids'])
        self.assertEqual(got['ids'], golden['continuation'])

    def test_orientation(self):
        """EXIF is applied by default; the reference does not turn."""
        def ids(*args):
            return json.loads(self.good(self.ask('--json', '-n', '12', '-i', FIXTURES / 'images' / 'exif6.jpg', *args, 'a',
                                                 model=self.TINY)))['ids']
        self.assertEqual(ids('--orient', 'ignore'), ids('--reference'))
        self.assertNotEqual(ids(), ids('--reference'))

    def test_log_probabilities(self):
        golden = json.loads((FIXTURES / 'golden' / 'tiny-b.json').read_text())['prompts']['text']
        got = self.ask_golden('tiny-b', golden, '--logprobs', '2')
        self.assertEqual([t['id'] for t in got['logprobs']], golden['continuation'])
        for token, margin in zip(got['logprobs'], golden['margins']):
            self.assertEqual(token['best'][0]['id'], token['id'])
            self.assertAlmostEqual(token['best'][0]['logprob'] - token['best'][1]['logprob'], margin, delta=1e-3)
            self.assertAlmostEqual(token['logprob'], token['best'][0]['logprob'], delta=1e-6)
            self.assertLessEqual(token['logprob'], 0)


class Tokenize(ProgramTest):
    def tokenize(self, folder, lines, *args):
        result = self.run_it('tokenize', '-m', folder, *args, stdin=''.join(line + '\n' for line in lines))
        return [json.loads(line) for line in self.good(result).splitlines()]

    def test_encode(self):
        # The third folder holds tokenizer.model alone: no added tokens there.
        for name, folder, key in ('tiny-a', 'tiny-a', 'ids'), ('tiny-b', 'tiny-b', 'ids'), \
                ('llama2', 'tokenizers/llama2', 'sp_ids'):
            rows = json.loads((FIXTURES / 'tokenizers' / f'{name}.json').read_text())['strings']
            got = self.tokenize(FIXTURES / folder, [json.dumps(row['text']) for row in rows], '--no-bos')
            self.assertEqual(len(got), len(rows))
            for row, one in zip(rows, got):
                self.assertEqual(one, {'ids': row.get(key, row['ids'])}, row['text'])

    def test_decode(self):
        for name in 'tiny-a', 'tiny-b':
            rows = json.loads((FIXTURES / 'tokenizers' / f'{name}.json').read_text())['strings']
            for form in (lambda ids: ids), (lambda ids: {'ids': ids}):
                got = self.tokenize(FIXTURES / name, [json.dumps(form(row['ids'])) for row in rows], '--decode')
                self.assertEqual(len(got), len(rows))
                for row, one in zip(rows, got):
                    self.assertEqual(one, row.get('decoded', row['text']))

    def test_the_flag_changes_nothing(self):
        for args, text in ([], '"a b"\n'), (['--decode'], '{"ids": [300, 301]}\n'):
            plain = self.run_it('tokenize', '-m', FIXTURES / 'tiny-b', *args, stdin=text)
            flagged = self.run_it('tokenize', '-m', FIXTURES / 'tiny-b', '--json', *args, stdin=text)
            self.assertEqual(self.good(plain), self.good(flagged))
            self.assertGreater(len(json.loads(plain.stdout)), 0)

    def test_lines_of_other_writers(self):
        """A mark of byte order, CR LF, empty lines, no newline at the end."""
        result = self.run_it('tokenize', '-m', FIXTURES / 'tiny-b', stdin='\ufeff"a"\r\n\r\n\n"b"')
        self.assertEqual([json.loads(line) for line in self.good(result).splitlines()],
                         self.tokenize(FIXTURES / 'tiny-b', ['"a"', '"b"']))

    def test_escapes(self):
        """NUL, a pair of surrogates, halves of pairs (which become U+FFFD), a backslash before a u."""
        lines = [r'"\u0000"', r'"\ud83d\ude00"', r'"\ud83d"', r'"a\ude00b"', r'"\\ud83d"', r'"\ud83d\ud83d"']
        same = ['\0', '\U0001f600', '\ufffd', 'a\ufffdb', '\\ud83d', '\ufffd\ufffd']
        got = self.tokenize(FIXTURES / 'tiny-b', lines)
        self.assertEqual(got, self.tokenize(FIXTURES / 'tiny-b', [json.dumps(s, ensure_ascii=False) if '\0' not in s
                                                                  else '"\\u0000"' for s in same]))
        back = self.tokenize(FIXTURES / 'tiny-b', [json.dumps(g) for g in got[:1]], '--decode')
        self.assertEqual(back[0][-1], '\0')

    def test_bos(self):
        with_bos = self.tokenize(FIXTURES / 'tiny-b', ['"a"'])[0]['ids']
        without = self.tokenize(FIXTURES / 'tiny-b', ['"a"'], '--no-bos')[0]['ids']
        self.assertEqual(with_bos, [1] + without)
        self.assertEqual(self.tokenize(FIXTURES / 'tiny-a', ['"a"']),
                         self.tokenize(FIXTURES / 'tiny-a', ['"a"'], '--no-bos'))

    def test_bad_lines(self):
        for args, text, what in (
                ([], '"a"\nb\n', 'line 2: not JSON: invalid token near \'b\''),
                ([], '5\n', 'line 1: must be a JSON string'),
                ([], '[' * 100000 + '\n', 'line 1: not JSON: maximum parsing depth reached near \'[\''),
                (['--decode'], '{"x": []}\n', 'line 1: must be [ids] or {"ids": [ids]}'),
                (['--decode'], '[1, 2.5]\n', 'line 1: id 2 is not a whole number'),
                (['--decode'], '[613]\n', 'line 1: 613 is no id: they go from 0 to 612'),
                (['--decode'], '[-1]\n', 'line 1: -1 is no id: they go from 0 to 612')):
            result = self.run_it('tokenize', '-m', FIXTURES / 'tiny-b', *args, stdin=text)
            result.stdout = b''
            self.fails(result, 3, what)


if __name__ == '__main__':
    need_fixtures()
    main()
