#!/usr/bin/env python3
# cli_sessions.py: what `ask` keeps and goes on with, its forms of output, and the commands that look after sessions.
import json
import os
import re
import sys

sys.dont_write_bytecode = True
from program import GRAY, IVCHAT, TINY, WIDE, ProgramTest, in_terminal, main, read_all
from tinymodel import PICTURE_TOKENS


class Asking(ProgramTest):
    def json(self, *args, **kw):
        return json.loads(self.good(self.ask('--json', '-n', '4', *args, **kw)))

    def kind(self, kind):
        return [r for r in self.records() if r['t'] == kind]

    def test_a_session_grows(self):
        first = self.json('-i', GRAY, 'what is this?')
        second = self.json('-c', 'and now?')
        self.assertEqual((first['turn'], second['turn']), (1, 2))
        self.assertEqual(first['session'], second['session'])
        self.assertEqual((first['tokens']['pictures'], second['tokens']['pictures']), (PICTURE_TOKENS, PICTURE_TOKENS))
        self.assertEqual([p['n'] for p in first['pictures']], [1])
        self.assertEqual(second['pictures'], [])
        third = self.json('-s', first['session'], '-i', GRAY, '-i', WIDE, 'more')
        self.assertEqual([p['n'] for p in third['pictures']], [2, 3])
        self.assertEqual(third['pictures'][0]['sha'], first['pictures'][0]['sha'])
        self.assertEqual(third['tokens']['pictures'], 3 * PICTURE_TOKENS)
        self.assertEqual(len(list(self.home.glob('data/pictures/*/*'))), 2)

    def test_the_past_is_in_the_prompt(self):
        """Going on means the same ids as giving the same conversation whole."""
        first = self.json('-i', GRAY, 'what is this?')
        second = self.json('--prompt-ids', '-c', 'and now?')
        whole = self.json('--prompt-ids', '--no-save', '-i', GRAY, '--messages', '-', stdin=json.dumps([
            {'role': 'user', 'content': 'what is this?'}, {'role': 'assistant', 'content': first['text']},
            {'role': 'user', 'content': 'and now?'}]))
        self.assertEqual(second['prompt_ids'], whole['prompt_ids'])
        self.assertEqual(second['ids'], whole['ids'])
        self.assertIsNone(whole['session'])
        self.assertEqual(whole['turn'], 2)

    def test_a_new_session_without_asking_for_one(self):
        self.assertNotEqual(self.json('a')['session'], self.json('a')['session'])
        self.assertEqual(len(self.sessions()), 2)

    def test_nothing_is_kept(self):
        self.assertIsNone(self.json('--no-save', 'a')['session'])
        self.assertFalse(self.home.exists())

    def test_going_on_without_keeping(self):
        self.json('a')
        before = self.sessions()[0].read_bytes()
        got = self.json('-c', '--no-save', 'b')
        self.assertEqual((got['turn'], got['session']), (2, None))
        self.assertEqual(self.sessions()[0].read_bytes(), before)

    def test_a_full_context(self):
        """It stops, or the oldest turns go: what is asked then is told nothing of them, and the drop is kept."""
        drop, long = ('--set', 'context.overflow=drop', '--ctx', '280', '-n', '64'), 'x' * 80
        self.json('--ctx', '280', long)
        self.assertEqual(self.ask('-c', '--ctx', '280', long).returncode, 3)
        self.assertEqual(len(self.kind('user')), 1)
        second = self.json('-c', '--prompt-ids', *drop, long)
        alone = self.json('--no-save', '--prompt-ids', long)
        self.assertEqual(second['prompt_ids'], alone['prompt_ids'])
        self.assertEqual([(r['up'], r['ids']) for r in self.kind('drop')], [(2, [1])])
        self.assertEqual(self.ask('-c', *drop, 3 * long).returncode, 3)
        self.assertEqual(len(self.kind('drop')), 1)
        third = self.json('-c', '--prompt-ids', '--ctx', '280', 'y')
        self.assertLess(len(third['prompt_ids']), len(second['prompt_ids']) + 64 + len(long))

    def test_system(self):
        own = self.json('--prompt-ids', 'a')['prompt_ids']
        brief = self.json('--prompt-ids', '-S', 'Be brief.', 'a')
        self.assertNotEqual(brief['prompt_ids'], own)
        self.assertEqual(self.json('--prompt-ids', '-c', 'b')['prompt_ids'][:18], brief['prompt_ids'][:18])
        (self.dir / 'system.txt').write_text('Be brief.\n')
        self.assertEqual(self.json('--prompt-ids', '-S', '@system.txt', 'a')['prompt_ids'], brief['prompt_ids'])
        self.assertLess(len(self.json('--prompt-ids', '-S', '', 'a')['prompt_ids']), len(own))
        messages = json.dumps([{'role': 'system', 'content': 'Be brief.'}, {'role': 'user', 'content': 'a'}])
        self.assertEqual(self.json('--prompt-ids', '--messages', '-', stdin=messages)['prompt_ids'], brief['prompt_ids'])

    def test_text_from_words_and_standard_input(self):
        def asked():
            return [r['text'] for r in self.records(max(self.sessions())) if r['t'] == 'user'][0]
        for words, stdin, text in (['a', ' b', 'c'], '', 'a  b c'), ([], 'x\ny\n\n', 'x\ny'), \
                (['why?'], 'x\r\n', 'x\n\nwhy?'), (['--', '-v'], '', '-v'), ([], '猫\n', '猫'):
            with self.subTest(words=words, stdin=stdin):
                self.json(*words, stdin=stdin)
                self.assertEqual(asked(), text)
                self.sessions()[0].unlink()

    def test_picture_from_standard_input(self):
        got = self.json('-i', '-', stdin=GRAY.read_bytes())
        self.assertEqual(got['tokens']['pictures'], PICTURE_TOKENS)
        user = self.records()[1]
        self.assertEqual(user['text'], 'Please describe the image in detail.')
        self.assertEqual((user['pics'][0]['name'], user['pics'][0]['type']), ('stdin', 'image/png'))
        stored = next(self.home.glob('data/pictures/*/*'))
        self.assertEqual(stored.read_bytes(), GRAY.read_bytes())

    def test_sampling(self):
        options = ['-t', '1.5', '--top-k', '40', '--top-p', '0.9', '--repeat-penalty', '1.1', '-n', '20', 'a']
        one = self.json('--seed', '5', *options)
        self.assertEqual(one['sampling'], {'temp': 1.5, 'top_p': 0.9, 'top_k': 40, 'repeat_penalty': 1.1, 'seed': 5})
        self.assertEqual(self.json('--seed', '5', *options)['ids'], one['ids'])
        self.assertNotEqual(self.json('--seed', '6', *options)['ids'], one['ids'])
        random = self.json(*options)
        again = self.json('--seed', str(random['sampling']['seed']), *options)
        self.assertEqual(again['ids'], random['ids'])

    def test_forms_of_output(self):
        """The same answer in every form; on standard output nothing but the answer and one newline."""
        text = self.json('a')['text']
        plain = self.good(self.ask('-n', '4', 'a'))
        self.assertEqual(plain, text + '\n')
        self.assertEqual(self.good(self.ask('-n', '4', '--no-stream', 'a')), plain)
        self.assertEqual(self.good(self.ask('-n', '4', '-o', 'out.txt', 'a')), '')
        self.assertEqual((self.dir / 'out.txt').read_text(), plain)
        events = [json.loads(line) for line in self.good(self.ask('-n', '4', '--stream-json', 'a')).splitlines()]
        self.assertEqual((events[0]['e'], events[-1]['e']), ('start', 'end'))
        self.assertEqual({e['e'] for e in events[1:-1]}, {'text'})
        self.assertEqual(''.join(e['s'] for e in events[1:-1]), text)
        self.assertEqual(events[-1]['text'], text)

    def test_keys_of_the_object(self):
        got = self.json('-i', GRAY, 'a')
        self.assertEqual(list(got), ['v', 'session', 'turn', 'text', 'stop', 'tokens', 'ms', 'tokens_per_s', 'model',
                                     'sampling', 'pictures', 'ids'])
        self.assertEqual(list(got['tokens']), ['prompt', 'pictures', 'answer', 'reused'])
        self.assertEqual(list(got['ms']), ['load', 'prefill', 'first', 'total'])
        self.assertEqual(got['model'], 'tiny')

    def test_failure_as_an_event(self):
        result = self.ask('--stream-json', '-i', 'no.png', 'a')
        self.assertEqual(result.returncode, 3)
        self.assertEqual(json.loads(result.stdout), {'e': 'error', 'code': 3,
                                                     'message': "cannot open 'no.png': No such file or directory"})

    def test_figures(self):
        result = self.ask('-v', '-n', '4', 'a')
        self.assertRegex(result.stderr.decode(), r'^load \d+ ms; prompt \d+ tokens \(0 of pictures, 0 reused\) in \d+ ms; '
                         r'answer 4 tokens, [\d.]+ tokens/s; length; cpu')
        self.assertIn(result.stderr.decode(), (self.home / 'state/log').read_text())


class Looking(ProgramTest):
    def make(self, *texts):
        for text in texts:
            self.good(self.ask('-n', '2', text))

    def rows(self, *args):
        return [line.split('\t') for line in self.good(self.run_it('ls', *args)).splitlines()]

    def test_nothing_to_list(self):
        self.assertEqual(self.rows(), [])
        self.assertEqual(json.loads(self.good(self.run_it('ls', '--json'))), [])
        self.assertFalse(self.home.exists())

    def test_list(self):
        self.make('one', 'two\twords\nand lines', 'three')
        self.good(self.ask('-n', '2', '-c', '-i', GRAY, 'again'))
        rows = self.rows()
        self.assertEqual([row[4] for row in rows], ['three', 'two words and lines', 'one'])
        self.assertEqual([row[2:4] for row in rows], [['2', '1'], ['1', '0'], ['1', '0']])
        self.assertEqual(self.rows('--limit', '1'), rows[:1])
        listed = json.loads(self.good(self.run_it('ls', '--json', '--limit', '2')))
        self.assertEqual([s['id'] for s in listed], [row[0] for row in rows[:2]])
        self.assertEqual((listed[0]['turns'], listed[0]['pictures'], listed[0]['named']), (2, 1, False))
        self.assertTrue(os.path.samefile(listed[0]['path'], self.good(self.run_it('path', rows[0][0])).strip()))

    def test_finding(self):
        self.make('one', 'two')
        two, one = [row[0] for row in self.rows()]
        self.good(self.run_it('rename', one, 'my cat'))
        for which, session in ('last', two), ('last~1', one), (one, one), (one[-4:], one), ('my cat', one):
            self.assertIn(session, self.good(self.run_it('path', which)), which)
        self.assertEqual(self.rows()[1][4] if self.rows()[0][0] == two else self.rows()[0][4], 'my cat')
        self.good(self.ask('-n', '2', '-s', 'my cat', 'more'))
        self.assertIn(one, self.good(self.run_it('path', 'last')))

    def test_name_given_at_the_start(self):
        self.good(self.ask('-n', '2', '--name', 'mine', 'one'))
        self.assertEqual(self.rows()[0][4], 'mine')

    def test_show(self):
        self.good(self.ask('-n', '2', '-i', GRAY, 'one'))
        answer = self.records()[-1]['text']
        self.good(self.ask('-n', '2', '-c', 'two'))
        session = self.rows()[0][0]
        sha = self.records()[1]['pics'][0]['sha'][:6]
        shown = self.good(self.run_it('show', 'last'))
        self.assertTrue(shown.startswith(f'{session}  one\n\nUser:\n[#1 gray.png 257x131 sha {sha}]\none\n\nAssistant:\n'
                                         f'{answer} [cut at 2]\n\nUser:\ntwo\n\nAssistant:\n'), shown)
        self.assertEqual(self.good(self.run_it('show', 'last', '--turn', '1', '--raw')), f'one\n{answer}\n')
        self.assertTrue(self.good(self.run_it('show', 'last', '--turn', '2')).startswith('User:\ntwo\n'))
        self.fails(self.run_it('show', 'last', '--turn', '3'), 3, f'session {session} has 2 turns, not 3')

    def test_trash(self):
        self.make('one', 'two')
        two, one = [row[0] for row in self.rows()]
        self.fails(self.run_it('rm', one), 2, 'rm asks first, and there is no terminal to ask on', 'ivchat rm -f …')
        self.assertEqual(len(self.rows()), 2)
        self.good(self.run_it('rm', '-f', one, two))
        self.assertEqual(self.rows(), [])
        self.good(self.run_it('rm', '--restore', one))
        self.assertEqual([row[0] for row in self.rows()], [one])
        self.assertIn('one', self.good(self.run_it('show', one)))
        self.fails(self.run_it('rm', '--empty-trash'), 2, 'rm asks first, and there is no terminal to ask on')
        self.assertEqual(self.run_it('rm', '-f', '--empty-trash').stderr.decode(), '1 removed\n')
        self.assertEqual(self.run_it('rm', '--restore', two).returncode, 3)
        self.assertEqual([row[0] for row in self.rows()], [one])

    def answer_key(self, key, *args):
        def reader(fd):
            said = b''
            while b'[y/N]' not in said:
                said += os.read(fd, 1000)
            os.write(fd, key)
            return said + read_all(fd)
        return in_terminal([IVCHAT, *args], self.env, self.dir, reader)

    def test_rm_asks(self):
        self.make('one')
        status, said = self.answer_key(b'n\n', 'rm', 'last')
        self.assertIn(b'"one" to the trash? [y/N]', said)
        self.assertEqual((status, len(self.rows())), (0, 1))
        status, _ = self.answer_key(b'y\n', 'rm', 'last')
        self.assertEqual((status, len(self.rows())), (0, 0))

    def test_nothing_acts_on_the_terminal(self):
        """A text with escape sequences, shown and listed in a terminal."""
        self.good(self.ask('-n', '2', stdin='\033]0;title\007\033[2Jred\n'))
        for args in ['show', 'last'], ['ls'], ['show', 'last', '--raw']:
            with self.subTest(args=args):
                status, said = in_terminal([IVCHAT, *args], self.env, self.dir, read_all)
                self.assertEqual(status, 0)
                self.assertIn(b'^[[2Jred', said)
                said = re.sub(rb'\x1b\[[0-9;]*m', b'', said)     # colours are ours, and move nothing
                self.assertFalse([c for c in said if c < 32 and c not in b'\r\n'], said)

    def test_pager(self):
        self.make('one')
        self.env['PAGER'] = 'sed s/^/paged:/'
        status, said = in_terminal([IVCHAT, 'show', 'last'], self.env, self.dir, read_all)
        self.assertEqual(status, 0)
        self.assertTrue(all(line.startswith(b'paged:') for line in said.splitlines()), said)
        self.assertNotIn('paged:', self.good(self.run_it('show', 'last')))

    def test_pictures_are_drawn_where_they_can_be(self):
        def shown(*args):
            status, said = in_terminal([IVCHAT, 'show', 'last', *args], self.env, self.dir, read_all)
            self.assertEqual(status, 0)
            self.assertEqual(said.count(b'[#1 gray.png 257x131 sha '), '--raw' not in args)
            return said.count(b'\x1bPq')
        self.good(self.ask('-n', '1', '-i', GRAY, 'what?'))
        self.env.pop('PAGER', None)
        self.env['IVCHAT_IMAGES'] = 'sixel'
        self.assertEqual(shown(), 1)
        self.assertEqual(shown('--raw'), 0)
        self.assertNotIn('\x1b', self.good(self.run_it('show', 'last')))
        self.env['IVCHAT_IMAGES'] = 'none'
        self.assertEqual(shown(), 0)
        self.env['IVCHAT_IMAGES'] = 'sixel'
        self.env['PAGER'] = 'cat'
        self.assertEqual(shown(), 0)


if __name__ == '__main__':
    main()
