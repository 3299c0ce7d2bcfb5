#!/usr/bin/env python3
# cli_batch.py: a line in, a line out: names of keys, bad lines, going on after a stop, shards, sessions.
import json
import signal
import subprocess
import sys
import time

sys.dont_write_bytecode = True
from program import GRAY, IVCHAT, TINY, WIDE, ProgramTest, main
from tinymodel import PICTURE_TOKENS


class Batch(ProgramTest):
    def write(self, *lines, name='in.jsonl'):
        text = '\n'.join(line if isinstance(line, str) else json.dumps(line) for line in lines) + '\n'
        (self.dir / name).write_text(text)

    def batch(self, *args, n=4, **kw):
        return self.run_it('batch', '-m', TINY, '-n', n, *args, **kw)

    def lines(self, *args, **kw):
        return [json.loads(line) for line in self.good(self.batch(*args, **kw)).splitlines()]

    def ids(self, text='out.jsonl'):
        return [json.loads(line)['id'] for line in (self.dir / text).read_text().splitlines()]

    def test_the_same_answers_as_ask(self):
        self.write({'id': 'a', 'text': 'what is this?', 'image': str(GRAY)}, {'id': 2, 'text': 'and this?',
                   'image': ['gray.png', str(WIDE)]}, {'id': 'c', 'image': str(GRAY)})
        (self.dir / 'root').mkdir()
        (self.dir / 'root' / 'gray.png').write_bytes(GRAY.read_bytes())
        got = self.lines('in.jsonl', '--images-root', 'root')
        self.assertEqual([line['id'] for line in got], ['a', 2, 'c'])
        self.assertEqual([line['tokens']['pictures'] for line in got],
                         [PICTURE_TOKENS, 2 * PICTURE_TOKENS, PICTURE_TOKENS])
        self.assertEqual(list(got[0]), ['id', 'answer', 'stop', 'tokens', 'ms', 'tokens_per_s', 'model', 'sampling',
                                        'pictures', 'ids'])
        for line, args in zip(got, (['-i', GRAY, 'what is this?'], ['-i', GRAY, '-i', WIDE, 'and this?'], ['-i', GRAY])):
            alone = json.loads(self.good(self.ask('--no-save', '--json', '-n', '4', *args)))
            self.assertEqual((line['answer'], line['tokens']), (alone['text'], alone['tokens']))
        self.assertFalse(self.sessions())

    def test_map_and_suffix(self):
        self.write({'question_id': 7, 'question': 'a', 'file': str(GRAY)})
        got = self.lines('in.jsonl', '--map', 'id=question_id,text=question,image=file,out=said', '--suffix', ' b')
        alone = json.loads(self.good(self.ask('--no-save', '--json', '-n', '4', '-i', GRAY, 'a b')))
        self.assertEqual((got[0]['question_id'], got[0]['said']), (7, alone['text']))

    def test_messages_and_sampling(self):
        messages = [{'role': 'system', 'content': 'Be brief.'}, {'role': 'user', 'content': 'a'},
                    {'role': 'assistant', 'content': 'b'}, {'role': 'user', 'content': 'c'}]
        sampling = {'temp': 1.5, 'seed': 5, 'max_tokens': 9}
        self.write({'id': 1, 'messages': messages}, {'id': 2, 'text': 'a', 'sampling': sampling},
                   {'id': 3, 'text': 'a'})
        got = self.lines('in.jsonl')
        alone = json.loads(self.good(self.run_it('ask', '-m', TINY, '-n', '4', '--no-save', '--json', '--messages', '-',
                                                 stdin=json.dumps(messages))))
        self.assertEqual(got[0]['ids'], alone['ids'])
        self.assertEqual((got[1]['sampling']['temp'], got[1]['sampling']['seed'], len(got[1]['ids'])), (1.5, 5, 9))
        self.assertEqual((got[2]['sampling']['temp'], len(got[2]['ids'])), (0, 4))

    def test_bad_lines(self):
        self.write('{"id": 1, "text": "a"}', 'garbage', '[]', '', '{"id": 4}', '{"id": 5, "text": 3}',
                   '{"id": 6, "text": "a", "image": "no.png"}', '{"id": 7, "text": "a", "sampling": {"temp": -1}}',
                   '{"text": "no id"}', json.dumps({'id': 9, 'text': 'x' * 20000}), '{"id": 10, "text": "z"}')
        result = self.batch('in.jsonl')
        self.assertEqual(result.returncode, 1)
        self.assertEqual(result.stderr.decode(), 'ivchat: 7 of 10 lines failed: the output says why\n')
        got = [json.loads(line) for line in result.stdout.splitlines()]
        self.assertEqual([line['id'] for line in got], [1, None, None, 4, 5, 6, 7, None, 9, 10])
        self.assertEqual(['error' in line for line in got], [False] + [True] * 6 + [False, True, False])
        self.assertEqual([line['line'] for line in got if line['id'] is None], [2, 3, 9])
        self.assertEqual(got[5]['error'], {'code': 3, 'message': "cannot open 'no.png': No such file or directory"})

    def test_going_on(self):
        """Wherever a run was stopped, the same command makes the file that an undisturbed run makes."""
        self.write({'id': 'a', 'text': 'one'}, {'id': 'b', 'text': 'two'}, 'garbage', {'id': 'a', 'text': 'one'},
                   {'id': 'c', 'text': 'three'})
        self.assertEqual(self.batch('in.jsonl', '-o', 'out.jsonl').returncode, 1)
        whole = (self.dir / 'out.jsonl').read_bytes()
        answers = [line.get('answer') for line in map(json.loads, whole.splitlines())]
        self.assertEqual(self.ids(), ['a', 'b', None, 'a', 'c'])
        ends = [i + 1 for i, c in enumerate(whole) if c == 10]
        for cut in [0, 1, 6, ends[0] - 1] + ends + [ends[1] + 20, ends[2] - 3]:
            with self.subTest(cut=cut):
                (self.dir / 'out.jsonl').write_bytes(whole[:cut])
                self.assertEqual(self.batch('in.jsonl', '-o', 'out.jsonl').returncode, 1)
                again = (self.dir / 'out.jsonl').read_bytes()
                self.assertTrue(again.startswith(whole[:max([e for e in [0] + ends if e <= cut])]))
                self.assertEqual([line.get('answer') for line in map(json.loads, again.splitlines())], answers)

    def test_stopped_by_a_person(self):
        self.write(*({'id': i, 'text': 'one'} for i in range(50)))
        process = self.start('batch', '-m', TINY, '-n', '400', 'in.jsonl', '-o', 'out.jsonl')
        out = self.dir / 'out.jsonl'
        while not out.exists() or out.read_bytes().count(b'\n') < 2:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
        self.assertEqual((process.returncode, said), (130, b''))
        ids = self.ids()
        self.assertEqual(ids, list(range(len(ids))))
        self.assertLess(len(ids), 50)
        self.good(self.batch('in.jsonl', '-o', 'out.jsonl'))
        self.assertEqual(self.ids(), list(range(50)))

    def test_waiting_for_lines(self):
        """Lines come through a pipe one by one, and each is answered at once; Ctrl-C ends the wait."""
        process = subprocess.Popen([IVCHAT, 'batch', '-m', str(TINY), '-n', '2', '-'], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, env=self.env, cwd=self.dir)
        for i in range(3):
            process.stdin.write(json.dumps({'id': i, 'text': 'a'}).encode() + b'\n')
            process.stdin.flush()
            self.assertEqual(json.loads(process.stdout.readline())['id'], i)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(timeout=60), 130)
        process.stdin.close()
        process.stdout.close()

    def test_a_foreign_file_is_not_touched(self):
        self.write({'id': 'a', 'text': 'one'})
        for text in 'my diary\n', '{"name": 1}\n', 'no newline', '{"id": 1, "answer": "a"}\nnot ours':
            (self.dir / 'out.jsonl').write_text(text)
            result = self.batch('in.jsonl', '-o', 'out.jsonl')
            self.assertEqual(result.returncode, 3)
            self.assertIn('is not the output of a batch', result.stderr.decode())
            self.assertEqual((self.dir / 'out.jsonl').read_text(), text)

    def test_shards(self):
        self.write(*({'id': i, 'text': 'a'} for i in range(5)))
        for shard, ids in ('1/2', [0, 2, 4]), ('2/2', [1, 3]), ('1/1', [0, 1, 2, 3, 4]), ('7/9', []):
            self.assertEqual([line['id'] for line in self.lines('in.jsonl', '--shard', shard)], ids)

    def answers(self, lines):
        return [(line['id'], line.get('answer'), line.get('ids'), line.get('error')) for line in lines]

    def test_several_at_a_time(self):
        """The lines of one job at a time, in the same order: with as many engines as threads, and with fewer."""
        self.write({'id': 'long', 'text': 'one', 'sampling': {'max_tokens': 400}}, 'garbage',
                   *({'id': i, 'text': f'question {i % 7}', 'image': str([GRAY, WIDE][i % 2])} for i in range(40)),
                   {'id': 'none', 'image': 'no.png'}, {'id': 'hot', 'text': 'a', 'sampling': {'temp': 1.5, 'seed': 3}})
        alone = self.batch('in.jsonl')
        self.assertEqual(alone.returncode, 1)
        alone = self.answers(map(json.loads, alone.stdout.splitlines()))
        for jobs, threads in (2, 2), (3, 8), (64, 4), (2, 1):
            with self.subTest(jobs=jobs, threads=threads):
                result = self.batch('in.jsonl', '--jobs', jobs, '--threads', threads)
                self.assertEqual((result.returncode, result.stderr), (1, b'ivchat: 2 of 44 lines failed: the output '
                                                                         b'says why\n'))
                self.assertEqual(self.answers(map(json.loads, result.stdout.splitlines())), alone)

    def test_several_stopped(self):
        """What is whole is kept, also behind a line that was stopped, and nothing is answered twice."""
        self.write({'id': 'long', 'text': 'one', 'sampling': {'max_tokens': 4000}},
                   *({'id': i, 'text': 'one'} for i in range(60)))
        args = ('--jobs', '2', '--threads', '2', '-g', 'none', 'in.jsonl', '-o', 'out.jsonl')
        process = self.start('batch', '-m', TINY, '-n', '2', *args, '--keep')
        while len([path for path in self.sessions() if b'"answer"' in path.read_bytes()]) < 5:
            self.assertIsNone(process.poll())
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
        self.assertEqual((process.returncode, said), (130, b''))
        first = self.ids()
        self.assertEqual(first, list(range(len(first))))
        self.assertGreaterEqual(len(first), 4)
        self.good(self.batch(*args, n=2))
        ids = self.ids()
        self.assertEqual(ids[:len(first)], first)
        self.assertEqual(ids[len(first):], ['long'] + list(range(len(first), 60)))

    def test_several_from_a_pipe(self):
        """An answer does not wait for lines that have not come."""
        process = subprocess.Popen([IVCHAT, 'batch', '-m', str(TINY), '-n', '2', '--jobs', '3', '-'],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=self.env, cwd=self.dir)
        for i in range(3):
            process.stdin.write(json.dumps({'id': i, 'text': 'a'}).encode() + b'\n')
            process.stdin.flush()
            self.assertEqual(json.loads(process.stdout.readline())['id'], i)
        process.stdin.write(b'{"id": 3, "text": "a"}\n{"id": 4, "text": "no newline"}')
        self.assertEqual([json.loads(line)['id'] for line in process.communicate(timeout=60)[0].splitlines()], [3, 4])
        self.assertEqual(process.returncode, 0)

    def test_keep(self):
        self.write({'id': 1, 'text': 'a', 'image': str(GRAY)}, {'id': 2, 'text': 'b'})
        got = self.lines('in.jsonl', '--keep')
        self.assertEqual(sorted(line['session'] for line in got), [path.stem for path in self.sessions()])
        for line in got:
            self.assertEqual(self.good(self.run_it('replay', '-m', TINY, '--verify', line['session'])),
                             'turn 1: same 4\n')

    def test_reference(self):
        self.write({'id': 1, 'text': '<image>\nwhat?', 'image': str(GRAY)})
        got = self.lines('in.jsonl', '--reference')
        alone = json.loads(self.good(self.ask('--json', '-n', '4', '--reference', '-i', GRAY, '<image>\nwhat?')))
        self.assertEqual((got[0]['ids'], got[0]['tokens']['prompt']), (alone['ids'], alone['tokens']['prompt']))

    def test_failures(self):
        self.write({'id': 1, 'text': 'a'})
        self.fails(self.batch(), 2, 'batch needs one file of questions; - is standard input',
                   'ivchat batch IN.jsonl -o OUT.jsonl')
        self.fails(self.batch('in.jsonl', '--jobs', '0'), 2, "--jobs '0': must be a whole number from 1 to 1024")
        self.fails(self.batch('in.jsonl', '--map', 'x=y'), 2,
                   "--map 'x=y': must be id=, image=, text= or out= and a name")
        self.fails(self.batch('in.jsonl', '--shard', '3/2'), 2, "--shard '3/2': must be K/N, with K from 1 to N")
        self.fails(self.batch('no.jsonl'), 3, "cannot open 'no.jsonl': No such file or directory")
        self.fails(self.run_it('batch', '-m', 'nowhere', 'in.jsonl', '-o', 'out.jsonl'), 4,
                   self.run_it('ask', '-m', 'nowhere', 'a').stderr.decode().splitlines()[0][len('ivchat: '):])
        self.assertFalse((self.dir / 'out.jsonl').exists())
        self.fails(self.batch('in.jsonl', '--reference', '-t', '1'), 2, '--reference is greedy with the model\'s own '
                   'system message: it takes no -S and no sampling options')


if __name__ == '__main__':
    main()
