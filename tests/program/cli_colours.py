#!/usr/bin/env python3
# cli_colours.py: colours are for terminals, for those who ask for them elsewhere, and for nobody who does not want them.
import re
import sys

sys.dont_write_bytecode = True
from program import IVCHAT, TINY, ProgramTest, in_terminal, main, read_all
from sessions import answer, note, put, tag, user

SESSION = '20260823-141503-7f3a'
SGR = re.compile(rb'\x1b\[([0-9;]*)m')
COMMANDS = [['show', 'last'], ['ls'], ['search', 'fox'], ['search', '-l', 'fox'], ['help'], ['config'],
            ['replay', '--verify', '-m', TINY, 'last'],
            ['replay', '--run', '--diff', '--no-save', '-n', '3', '-m', TINY, 'last']]


class Colours(ProgramTest):
    def setUp(self):
        super().setUp()
        put(self.home, SESSION, user(1, 0, 'a fox'), answer(2, 1, 'red', stop='length', ids=[5], ms=[3], reused=0,
            segs=[['prefill', 0, 3], ['decode', 3, 4]]), note(2, 'hm'), tag('work'))

    def out(self, args, **env):
        self.env.update(env)
        result = self.run_it(*args)
        for name in env:
            del self.env[name]
        self.assertIn(result.returncode, (0, 1), result.stderr)
        return result.stdout

    def shown(self, args, **env):
        _, said = in_terminal([IVCHAT, *args], dict(self.env, **env), self.dir, read_all)
        return said

    def test_pipes(self):
        for args in COMMANDS:
            with self.subTest(args=args):
                plain = self.out(args)
                self.assertNotIn(b'\x1b', plain)
                forced = self.out(args, CLICOLOR_FORCE='1')
                self.assertTrue(SGR.search(forced))
                self.assertEqual(SGR.sub(b'', forced), plain)
                self.assertEqual(SGR.findall(forced)[1::2], [b'0'] * (len(SGR.findall(forced)) // 2))
                for env in ({'CLICOLOR_FORCE': '0'}, {'CLICOLOR_FORCE': ''}, {'CLICOLOR_FORCE': '1', 'NO_COLOR': '1'}):
                    self.assertEqual(self.out(args, **env), plain, env)
                self.assertNotEqual(self.out(args, CLICOLOR_FORCE='1', NO_COLOR=''), plain)

    def test_terminals(self):
        for args in COMMANDS[:6]:
            with self.subTest(args=args):
                said = self.shown(args)
                self.assertTrue(SGR.search(said))
                self.assertEqual(self.shown(args, TERM='dumb', CLICOLOR_FORCE='1').count(b'\x1b['), said.count(b'\x1b['))
                for env in {'NO_COLOR': '1'}, {'NO_COLOR': '1', 'CLICOLOR_FORCE': '1'}:
                    self.assertLessEqual(set(SGR.findall(self.shown(args, **env))), {b'0', b'1', b'2'})
                for env in {'TERM': 'dumb'}, {'ACCESSIBLE': '1'}:
                    self.assertNotIn(b'\x1b', self.shown(args, **env))

    def test_problems_of_doctor(self):
        """Its own lines name NO_COLOR and TERM, so that they are not the same."""
        args = ['doctor', '-m', '/nowhere']
        self.assertNotIn(b'\x1b', self.out(args))
        self.assertRegex(self.out(args, CLICOLOR_FORCE='1'), rb'\x1b\[31m! model ')
        self.assertNotIn(b'\x1b', self.out(args, CLICOLOR_FORCE='1', NO_COLOR='1'))

    def test_mono(self):
        (self.home / 'config').mkdir()
        (self.home / 'config' / 'config').write_text('ui.theme = mono\n')
        self.assertLessEqual(set(SGR.findall(self.shown(['show', 'last']))), {b'0', b'1', b'2'})

    def test_pagers(self):
        """A pager may take escape codes for letters: it gets them when they are asked for."""
        self.assertNotIn(b'\x1b', self.shown(['show', 'last'], PAGER='cat'))
        self.assertTrue(SGR.search(self.shown(['show', 'last'], PAGER='cat', CLICOLOR_FORCE='1')))

    def test_never(self):
        for args in (['show', '--raw', 'last'], ['ls', '--json'], ['search', '--json', 'fox'], ['path', 'last'],
                     ['export', 'last'], ['replay', '--verify', '--json', '-m', TINY, 'last'],
                     ['ask', '-m', TINY, '-n', '2', '--no-save', 'a'], ['help', 'slash', '--man']):
            with self.subTest(args=args):
                self.assertNotIn(b'\x1b', self.out(args, CLICOLOR_FORCE='1'))

    def test_texts_cannot_paint(self):
        put(self.home, SESSION, user(1, 0, '\x1b[2J\x1b[31mfox'))
        for args in ['show', 'last'], ['search', 'fox'], ['ls']:
            said = self.out(args, CLICOLOR_FORCE='1')
            self.assertIn(b'^[[2J^[[31mfox', said)
            self.assertNotIn(b'\x1b[2J', said)


if __name__ == '__main__':
    main()
