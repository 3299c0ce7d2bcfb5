#!/usr/bin/env python3
# cli_search.py: finding text in sessions, tags, whether the store is whole, and what nothing names any more.
import fcntl
import json
import os
import re
import sys

sys.dont_write_bytecode = True
from program import IVCHAT, ProgramTest, in_terminal, main, png, read_all
from sessions import answer, line, note, part, put, put_picture, tag, user

OLD, NEW = '20260823-141503-7f3a', '20260824-101500-00ff'


class Search(ProgramTest):
    def find(self, *args):
        result = self.run_it('search', *args)
        self.assertEqual(result.stderr, b'')
        self.assertEqual(result.returncode, 0 if result.stdout else 1)
        return result.stdout.decode().splitlines()

    def put_two(self):
        put(self.home, OLD, user(1, 0, 'What is a Fox?'), answer(2, 1, 'A fox is red.\nIt eats.\nNo fox here'),
            user(3, 2, 'and in Chinese?'), answer(4, 3, '一只狐狸在雪里'), tag('animals'))
        put(self.home, NEW, user(1, 0, 'foxes?', at='2026-08-24T10:15:00.000Z'))

    def test_form_and_order(self):
        self.put_two()
        self.assertEqual(self.find('fox'), [f'{NEW}:1:user: foxes?', f'{OLD}:1:user: What is a Fox?',
                                            f'{OLD}:1:answer: A fox is red.', f'{OLD}:1:answer: No fox here'])
        self.assertEqual(self.find('Fox'), [f'{OLD}:1:user: What is a Fox?'])
        self.assertEqual(len(self.find('--ignore-case', 'FOX')), 4)
        self.assertEqual(len(self.find('--case', 'fox')), 3)
        self.assertEqual(self.find('--limit', '2', 'fox'), self.find('fox')[:2])
        self.assertEqual(self.find('wolf'), [])

    def test_notes(self):
        """Behind the message that they stand at, however they are spelled; below a message that is lost they are found too."""
        put(self.home, OLD, user(1, 0, 'What is a fox?'), note(2, 'a fox, "half"'), answer(2, 1, 'A fox', stop='user'),
            note(9, 'fox of nothing'), answer(3, 1, 'A fox is red', cont=2), user(4, 3, 'and?'),
            line(text='fox\n in another spelling', up=1, t='note', at='2026-08-23T14:15:03.000Z'), note(0, 'fox first', at='2026-01-01T00:00:00.000Z'))
        self.assertEqual(self.find('fox'), [f'{OLD}:{rest}' for rest in (
            '0:note: fox first', '1:user: What is a fox?', '1:note: fox', '1:note: a fox, "half"', '1:answer: A fox is red',
            '2:note: fox of nothing')])
        self.assertEqual(self.find('--role', 'note', 'half'), [f'{OLD}:1:note: a fox, "half"'])
        self.assertEqual(self.find('--role', 'note', '--until', '2026-02', '-E', 'fox'), [f'{OLD}:0:note: fox first'])
        self.assertEqual(self.find('--role', 'answer', 'half'), [])
        self.assertEqual(json.loads(self.good(self.run_it('search', '--json', '"half"')))[0]['message'], 2)

    def test_words(self):
        self.put_two()
        self.assertEqual(len(self.find('-w', 'fox')), 3)
        self.assertEqual(self.find('-w', '狐狸'), [f'{OLD}:2:answer: 一只狐狸在雪里'])
        self.assertEqual(self.find('-w', '狐'), [f'{OLD}:2:answer: 一只狐狸在雪里'])
        self.assertEqual(self.find('-w', 'fo'), [])
        self.assertEqual(self.find('-w', '-E', 'foxe?'), self.find('-w', 'fox'))

    def test_expressions(self):
        self.put_two()
        self.assertEqual(self.find('-E', '^it e'), [f'{OLD}:1:answer: It eats.'])
        self.assertEqual(self.find('-E', 'hexe|eats.$'), [f'{OLD}:1:answer: It eats.'])
        self.assertEqual(self.find('-E', 'foxx*es'), [f'{NEW}:1:user: foxes?'])
        self.assertEqual(self.find('-E', 'fox{2}'), [])
        self.assertEqual(self.find('fox.'), [])
        self.fails(self.run_it('search', '-E', '('), 2, "'(' is not an extended regular expression: Unmatched ( or \\(")

    def test_where(self):
        self.put_two()
        self.assertEqual(len(self.find('--role', 'user', 'fox')), 2)
        self.assertEqual(len(self.find('--role', 'answer', 'fox')), 2)
        self.assertEqual(self.find('--since', '2026-08-24', 'fox'), [f'{NEW}:1:user: foxes?'])
        self.assertEqual(len(self.find('--until', '2026-08-23', 'fox')), 3)
        self.assertEqual(len(self.find('--since', '2026', '--until', '2026-08', 'fox')), 4)
        self.assertEqual(len(self.find('--tag', 'animals', 'fox')), 3)
        self.assertEqual(self.find('--tag', 'plants', 'fox'), [])
        self.assertEqual(self.find('-l', 'fox'), [f'{NEW}\tfoxes?', f'{OLD}\tWhat is a Fox?'])
        self.assertEqual(self.find('-l', '--limit', '1', 'fox'), [f'{NEW}\tfoxes?'])
        self.fails(self.run_it('search', '--since', '2026-8', 'x'), 2, "--since '2026-8' is not a date",
                   '--since 2026-08-23')

    def test_context(self):
        put(self.home, OLD, user(1, 0, 'a\nb\nfox\nc\nfox\nd\ne\nf\nfox'))
        self.assertEqual(self.find('--context', '1', 'fox'), [
            f'{OLD}-1-user- b', f'{OLD}:1:user: fox', f'{OLD}-1-user- c', f'{OLD}:1:user: fox', f'{OLD}-1-user- d', '--',
            f'{OLD}-1-user- f', f'{OLD}:1:user: fox'])
        self.assertEqual(len(self.find('--context', '9', 'fox')), 9)

    def test_every_branch_once(self):
        """Other branches, an answer that was killed, a shorter one that another continues, the turn of each."""
        put(self.home, OLD, user(1, 0, 'q'), answer(2, 1, 'fox one', stop='length'), answer(3, 1, 'fox one two', cont=2),
            user(4, 3, 'left'), user(5, 3, 'right fox'), part(6, 5, 'a fo'), part(6, 5, 'x'))
        self.assertEqual(self.find('fox'), [f'{OLD}:1:answer: fox one two', f'{OLD}:2:user: right fox',
                                            f'{OLD}:2:answer: a fox'])

    def test_parts_are_void(self):
        put(self.home, OLD, user(1, 0, 'q'), part(2, 1, 'a fox'), answer(2, 1, 'a fox, whole'))
        self.assertEqual(self.find('fox'), [f'{OLD}:1:answer: a fox, whole'])

    def test_other_spellings(self):
        """Escaped letters, other orders of keys, quotes and backslashes, ids and keys that look like text."""
        put(self.home, OLD, '{"id": 1, "t": "user", "text": "caf\\u00e9 \\"C:\\\\x\\"", "up": 0, "pics": [], "at": "2026-08-23T"}\n',
            '{"t":"answer","id":2,"up":1,"at":"2026-08-23T","stop":"eos","ids":[],"text":"na\\u00efve"}\n')
        self.assertEqual(self.find('CAFÉ', '--ignore-case'), [f'{OLD}:1:user: café "C:\\x"'])
        self.assertEqual(self.find('"C:\\x"'), [f'{OLD}:1:user: café "C:\\x"'])
        self.assertEqual(self.find('naïve'), [f'{OLD}:1:answer: naïve'])
        for pattern in 'u00e9', 'pics', 'eos', '2026':
            self.assertEqual(self.find(pattern), [], pattern)

    def test_tab_keeps_the_form(self):
        put(self.home, OLD, user(1, 0, 'a\tfox\rb'))
        self.assertEqual(self.find('fox'), [f'{OLD}:1:user: a fox b'])

    def test_broken_files(self):
        """What can be read is found; the rest is passed over."""
        path = put(self.home, OLD, 'no JSON\n', '{"t":"user"}\n', '{"t":"user","id":1,"up":0,"at":"","text":"fox\n', '[]\n', '\n',
                   '{"t":"user","id":99999999999,"up":-1,"text":"fox"}\n', user(1, 0, 'a fox'))
        with path.open('ab') as file:
            file.write(b'{"t":"user","id":2,"up":1,"at":"","pics":[],"text":"fox \xff"}\n{"t":"user","id":3,"up":1,"text":"a fo')
        put(self.home, NEW).write_bytes(b'\0' * 100)
        self.assertEqual(self.find('fox'), [f'{OLD}:1:user: a fox'])

    def test_json(self):
        self.put_two()
        got = json.loads(self.good(self.run_it('search', '--json', 'eats')))
        self.assertEqual(got, [{'session': OLD, 'turn': 1, 'message': 2, 'role': 'answer', 'at': '2026-08-23T14:15:03.000Z',
                                'line': 'It eats.'}])
        self.assertEqual(json.loads(self.run_it('search', '--json', 'wolf').stdout), [])

    def test_picture(self):
        data, other = png(5, 3), png(5, 3, 1)
        put(self.home, OLD, user(1, 0, 'look, a fox', pics=[put_picture(self.home, data)]), answer(2, 1, 'fox!'))
        put(self.home, NEW, user(1, 0, 'fox without'))
        (self.dir / 'same.png').write_bytes(data)
        (self.dir / 'other.png').write_bytes(other)
        self.assertEqual(self.find('--image', 'same.png'), [f'{OLD}:1:user: look, a fox'])
        self.assertEqual(len(self.find('-i', 'same.png', 'fox')), 2)
        self.assertEqual(self.find('--image', 'other.png'), [])
        self.fails(self.run_it('search', '--image', 'no.png'), 3, "cannot open 'no.png': No such file or directory")

    def test_usage(self):
        self.assertEqual(self.find('nothing here'), [])
        self.assertFalse(self.home.exists())
        self.fails(self.run_it('search'), 2, 'search needs a pattern or --image')
        self.fails(self.run_it('search', ''), 2, 'the pattern is empty')
        self.fails(self.run_it('search', '\udcff'), 2, 'the pattern is not UTF-8')
        self.fails(self.run_it('search', 'a', 'b'), 2, "search takes one pattern, and 'b' is a second one",
                   "ivchat search 'a b'")

    def test_nothing_acts_on_the_terminal(self):
        put(self.home, OLD, user(1, 0, '\033]0;title\007 fox'))
        status, said = in_terminal([IVCHAT, 'search', 'fox'], self.env, self.dir, read_all)
        self.assertEqual((status, re.sub(rb'\x1b\[[0-9;]*m', b'', said)), (0, f'{OLD}:1:user: ^[]0;title^G fox\r\n'.encode()))


class Tags(ProgramTest):
    def test_on_and_off(self):
        put(self.home, OLD, user(1, 0, 'q'))
        self.assertEqual(self.good(self.run_it('tag', 'last')), '')
        self.good(self.run_it('tag', 'last', '+work', '猫', '+work'))
        self.assertEqual(self.good(self.run_it('tag', 'last')), 'work\n猫\n')
        self.good(self.run_it('tag', 'last', '-work', '-none'))
        self.assertEqual(self.good(self.run_it('tag', 'last')), '猫\n')
        self.assertEqual([r['on'] for r in self.records() if r['t'] == 'tag'], [True, True, False])

    def test_list(self):
        put(self.home, OLD, user(1, 0, 'q'), tag('a'), tag('b'))
        put(self.home, NEW, user(1, 0, 'r', at='2026-08-24T10:15:00.000Z'), tag('a'), tag('a', on=False))
        self.assertEqual(self.good(self.run_it('ls', '--tag', 'a')), f'{OLD}\t2026-08-23T14:15:03.000Z\t1\t0\tq\ta,b\n')
        self.assertEqual(len(self.good(self.run_it('ls')).splitlines()), 2)
        self.assertEqual([s['tags'] for s in json.loads(self.good(self.run_it('ls', '--json')))], [[], ['a', 'b']])

    def test_what_cannot_be_one(self):
        put(self.home, OLD, user(1, 0, 'q'))
        for word in '+', '+a b', '+a,b', '++a', '+' + 65 * 'x', '+a\n':
            result = self.run_it('tag', 'last', word)
            self.assertEqual((result.returncode, result.stdout), (2, b''), word)
        self.assertEqual(self.good(self.run_it('tag', 'last')), '')
        self.fails(self.run_it('tag', 'none', '+a'), 3, "no session 'none'")
        self.fails(self.run_it('tag'), 2, 'tag needs a session', 'ivchat tag last +work')


class Check(ProgramTest):
    def problems(self):
        result = self.run_it('ls', '--check')
        said = result.stdout.decode().replace(str(self.home), '~').splitlines()
        self.assertEqual(result.returncode, 1 if said else 0)
        return said

    def test_whole(self):
        self.assertEqual(self.problems(), [])
        put(self.home, OLD, user(1, 0, 'q', pics=[put_picture(self.home, png(5, 3))]), answer(2, 1, 'a'), part(4, 2, 'x'),
            line(t='later', v=3))
        self.assertEqual(self.problems(), [f'~/data/sessions/2026/{OLD}.jsonl:4: lines before message 4 are gone'])
        put(self.home, OLD, user(1, 0, 'q', pics=[put_picture(self.home, png(5, 3))]), answer(2, 1, 'a'), line(t='later'))
        self.assertEqual(self.problems(), [])

    def test_lines(self):
        where = f'~/data/sessions/2026/{OLD}.jsonl'
        path = put(self.home, OLD, user(1, 0, 'q'), 'no\n', user(2, 7, 'below nothing'), user(2, 1, 'good'))
        bad = 'cannot be read, or hangs below no message'
        self.assertEqual(self.problems(), [f'{where}:3: {bad}', f'{where}:4: {bad}'])
        path.write_text('{"t":"user"}\n')
        self.assertEqual(self.problems(), [f'{where}:1: is not the first line of a session'])
        path.write_text('')
        self.assertEqual(self.problems(), [f'{where}: is empty'])
        put(self.home, OLD, user(1, 0, 'q'), '{"t":"us')
        self.assertEqual(self.problems(), [f'{where}:3: torn: the next writer cuts it off'])

    def test_pictures(self):
        pic, gone = put_picture(self.home, png(5, 3)), put_picture(self.home, png(5, 3, 1), n=2, name='b.png')
        put(self.home, OLD, user(1, 0, 'q', pics=[pic, gone]))
        stored = self.home / 'data' / 'pictures' / gone['sha'][:2] / f"{gone['sha']}.png"
        what = f"~/data/sessions/2026/{OLD}.jsonl: message 1: picture #2 'b.png' ({gone['sha'][:12]}…) is missing or damaged"
        stored.write_bytes(b'other bytes')
        self.assertEqual(self.problems(), [f"~/data/pictures/{gone['sha'][:2]}/{gone['sha']}.png: damaged: its bytes are not "
                                           'those that its name says', what])
        stored.unlink()
        self.assertEqual(self.problems(), [what])


class Collect(ProgramTest):
    def stored(self):
        return {path.stem for path in self.home.glob('data/pictures/*/*')}

    def collect(self, *args):
        result = self.run_it('rm', '--gc', *args)
        return result.returncode, result.stderr.decode()

    def test_what_nothing_names(self):
        """Named by a session, by one in the trash, by a line that cannot be read, and by nothing."""
        pics = [put_picture(self.home, png(5, 3, seed)) for seed in range(4)]
        put(self.home, OLD, user(1, 0, 'q', pics=[pics[0]]), line(t='user', pics=[pics[2]])[:-5] + '\n')
        put(self.home, NEW, user(1, 0, 'q', pics=[pics[1]]))
        self.good(self.run_it('rm', '-f', NEW))
        size = len(png(5, 3, 3))
        self.assertEqual(self.collect(), (2, 'ivchat: rm asks first, and there is no terminal to ask on\ntry: ivchat rm -f …\n'))
        self.assertEqual(len(self.stored()), 4)
        self.assertEqual(self.collect('-f'), (0, f'1 picture, {size} bytes removed\n'))
        self.assertEqual(self.stored(), {pic['sha'] for pic in pics[:3]})
        self.assertEqual(self.collect(), (0, '0 pictures, 0 bytes removed\n'))
        self.run_it('rm', '-f', '--empty-trash')
        self.assertEqual(self.collect('-f')[1], f'1 picture, {len(png(5, 3, 1))} bytes removed\n')

    def test_nothing_there(self):
        self.assertEqual(self.collect('-f'), (0, '0 pictures, 0 bytes removed\n'))
        self.assertFalse(self.home.exists())

    def test_when_in_doubt_nothing_goes(self):
        put_picture(self.home, png(5, 3))
        unreadable = put(self.home, OLD, user(1, 0, 'q'))
        unreadable.unlink()
        unreadable.symlink_to('nowhere')
        os.mkdir(self.home / 'data' / 'sessions' / 'odd')
        (self.home / 'data' / 'sessions' / 'odd' / 'big.jsonl').touch()
        os.truncate(self.home / 'data' / 'sessions' / 'odd' / 'big.jsonl', (1 << 30) + 1)
        status, said = self.collect('-f')
        self.assertEqual((status, len(self.stored())), (6, 1), said)

    def test_while_one_is_about_to_be_named(self):
        put_picture(self.home, png(5, 3))
        with open(self.home / 'data' / 'pictures' / '.lock', 'w') as lock:
            fcntl.flock(lock, fcntl.LOCK_SH)
            self.fails(self.run_it('rm', '--gc', '-f'), 6, 'a chat is about to send a picture', 'again in a moment')
        self.assertEqual(len(self.stored()), 1)
        self.assertEqual(self.collect('-f')[0], 0)
        self.assertEqual(self.stored(), set())


if __name__ == '__main__':
    main()
