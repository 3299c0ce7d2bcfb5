#!/usr/bin/env python3
# first_try.py: what a newcomer meets: the banner that names --demo, and --demo itself, where Enter is enough to get an
# answer. In a pty that answers nothing, as some terminals do.
import pathlib
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'program'))
import program
from chat_pty import Terminal
from program import SOURCE, ProgramTest, main

QUESTION = 'What is in the picture?'


class FirstTry(ProgramTest):
    def setUp(self):
        super().setUp()
        self.env['IVCHAT_SHARE'] = str(SOURCE / 'share')

    def chat(self, play, *args):
        return program.in_terminal([program.IVCHAT, *args], self.env, self.dir, lambda fd: play(Terminal(fd)))

    def answered(self):
        return any(b'"t":"answer"' in path.read_bytes() for path in self.sessions())

    def test_enter_is_enough(self):
        def play(t):
            t.wait('sun-car-tree.png 640x480')
            t.wait(QUESTION)
            t.keys('\r')
            while not self.answered():      # on the screen its words may come in pieces
                self.assertTrue(t.read(0.1))
            t.keys('\x04\x04')
            t.rest()
        self.chat(play, '--demo')
        self.assertEqual([r['text'] for r in self.records() if r['t'] == 'user'], [QUESTION])
        self.assertRegex([r['text'] for r in self.records() if r['t'] == 'answer'][0], 'a car.*sun.*tree')

    def test_nothing_is_sent_unasked(self):
        def play(t):
            t.wait(QUESTION)
            t.keys('\x03\x04\x04')
            t.rest()
        self.chat(play, '--demo')
        self.assertEqual(self.sessions(), [])

    def test_the_banner_names_it(self):
        def play(t):
            t.wait('for simple drawings')
            t.wait('ivchat --demo shows it at work')
            t.keys('\x04\x04')
            t.rest()
        self.chat(play)

    def test_line_by_line_it_is_asked_at_once(self):
        said = subprocess.run([program.IVCHAT, '--demo', '--plain', '--no-save'], env=self.env, cwd=self.dir,
                              capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=program.TIMEOUT)
        self.assertEqual(said.returncode, 0, said.stderr)
        self.assertRegex(said.stdout, r'(?s)a car.*sun.*tree')


if __name__ == '__main__':
    main()
