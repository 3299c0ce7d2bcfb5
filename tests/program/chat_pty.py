#!/usr/bin/env python3
# The chat on a terminal that only listens: it answers no question, as some do. No tool beside Python is needed; what
# the screen looks like is asked by the chat_*.sh tests.
import base64
import json
import os
import re
import select
import signal
import time
import unittest

import program
from program import TINY, ProgramTest

LONG = 16000


class Terminal:
    """The screen's bytes as they come, and keys to it."""

    def __init__(self, fd):
        self.fd, self.seen, self.passed = fd, b'', 0

    def read(self, seconds):
        """False when the program has ended."""
        if select.select([self.fd], [], [], seconds)[0]:
            try:
                more = os.read(self.fd, 65536)
            except OSError:
                return False
            self.seen += more
            return bool(more)
        return True

    def wait(self, text):
        """Until the text is written after what was waited for before."""
        end = time.monotonic() + program.TIMEOUT
        while (at := self.seen.find(text.encode(), self.passed)) < 0:
            if time.monotonic() > end or not self.read(0.1):
                raise AssertionError(f'{text!r} does not come: {self.seen[self.passed:]!r}')
        self.passed = at + len(text.encode())

    def keys(self, keys):
        os.write(self.fd, keys.encode())

    def say(self, text):
        self.keys(text)
        self.wait(text)
        self.keys('\r')

    def rest(self):
        while self.read(0.1):
            pass
        return self.seen[self.passed:].decode(errors='replace')


class ChatTest(ProgramTest):
    def early(self, typed, awaited, keys):
        """The questions that come of what is typed before the program is there."""
        def play(t):
            t.keys(typed)
            t.wait(awaited)
            t.keys(keys)
            return t.rest()
        args = ['/bin/sh', '-c', 'sleep 0.5; exec "$@"', 'sh', program.IVCHAT, '-m', TINY, '-n', '3']
        status, _ = program.in_terminal(args, self.env, self.dir, lambda fd: play(Terminal(fd)))
        self.assertEqual(status, 0)
        return [r['text'] for r in self.of_kind('user')] if self.sessions() else []

    def test_typed_before_the_screen_is_there(self):
        self.assertEqual(self.early('early words\r', '[cut at 3]', '\x04'), ['early words'])

    def test_lines_before_the_screen_is_there_are_not_sent(self):
        self.assertEqual(self.early('one\rtwo\r', '/help', '\x03\x04'), [])

    def chat(self, play, *args):
        """Plays on the terminal until the program ends; returns its status and what play gave."""
        args = [program.IVCHAT, '-m', TINY, *args]
        return program.in_terminal(args, self.env, self.dir, lambda fd: play(Terminal(fd)))

    def of_kind(self, kind):
        return [r for r in self.records() if r['t'] == kind]

    def test_a_picture_out_of_the_terminals_clipboard(self):
        def packet(metadata, payload=b''):
            return '\x1b]5522;type=read:status=' + metadata + (';' + base64.b64encode(payload).decode() if payload else '') + '\x1b\\'

        def play(t):
            t.wait('\x1b[?5522$p')
            t.keys('\x1b[?5522;2$y')
            t.wait('/help')
            t.keys('\x16')
            t.wait('\x1b]5522;type=read;')
            t.keys(packet('OK'))
            picture, mime = program.GRAY.read_bytes(), base64.b64encode(b'image/png').decode()
            for at in range(0, len(picture), 4096):
                t.keys(packet(f'DATA:mime={mime}', picture[at:at + 4096]))
            t.keys(packet('DONE'))
            t.wait('[#1 pasted.png 257x131]')
            t.keys('\x7f\x16')
            t.wait('\x1b]5522;type=read;')
            t.keys(packet('EPERM'))
            t.wait('base64 < shot.png')
            t.keys('\x04')
            return t.rest()
        self.env.pop('DISPLAY', None)
        self.env.pop('WAYLAND_DISPLAY', None)
        self.assertEqual(self.chat(play)[0], 0)

    def questions(self, keys, answers, quick=False, more=(), brackets=False):
        """The questions that come of keys which arrive all at once, and of each of `more` a second after the last, on a
        terminal that answers the program's own questions at once or not at all."""
        def play(t):
            if quick or brackets:
                t.wait('\x1b[c')
                t.keys(('\x1b[?2004;2$y' if brackets else '') + '\x1b[?62;4c')
            t.wait('/help')
            time.sleep(0.3)
            t.keys(keys)
            for later in more:
                time.sleep(1)
                t.keys(later)
            for _ in range(answers):
                t.wait('[cut at 3]')
            t.keys('\x03\x04')
            return t.rest()

        self.assertEqual(self.chat(play, '-n', '3')[0], 0)
        return [r['text'] for r in self.of_kind('user')]

    def test_a_paste_without_brackets_is_not_sent(self):
        self.assertEqual(self.questions('first line\rsecond line\r', 1, True, ['\r']), ['first line\nsecond line\n'])

    def test_a_paste_without_brackets_on_a_slow_line_is_not_sent(self):
        self.assertEqual(self.questions('first line\rsecond line\r', 1, more=['\r']), ['first line\nsecond line\n'])

    def test_a_long_paste_without_brackets_is_one_message(self):
        text = ''.join(f'line {i} of a long paste\r' for i in range(400))
        self.assertEqual(self.questions(text + 'end', 1, more=['\r', '\r']), [text.replace('\r', '\n') + 'end'])

    def test_what_a_slow_line_held_back_is_sent_at_its_enter(self):
        self.assertEqual(self.questions('ello\rhow are', 2, more=[' you\r']), ['ello', 'how are you'])

    def test_a_script_types_a_line_at_once(self):
        for quick in False, True:
            self.tearDown()
            self.setUp()
            self.assertEqual(self.questions('a line and its end\r', 1, quick), ['a line and its end'])

    def test_a_command_and_a_question_at_once_are_two(self):
        for quick in False, True:
            self.tearDown()
            self.setUp()
            self.assertEqual(self.questions(f'/image {program.GRAY}\r图里有什么？\r', 1, quick), ['图里有什么？'])
            self.assertEqual([p['name'] for p in self.of_kind('user')[0]['pics']], ['gray.png'])

    def test_lines_of_a_terminal_that_brackets_pastes_are_typed(self):
        self.assertEqual(self.questions('first line\rsecond line\r', 2, brackets=True), ['first line', 'second line'])

    def test_two_messages_at_once_that_are_too_long(self):
        def play(t):
            t.wait('\x1b[c')
            t.keys('\x1b[?2004;2$y\x1b[?62;4c')
            t.wait('/help')
            time.sleep(0.3)
            t.keys('one ' * 300 + 'FIRST\r' + 'two ' * 300 + 'SECOND\r')
            t.wait('Esc leaves')
            time.sleep(0.5)
            t.keys('\x1b')                      # the second one was typed into the list
            t.wait('FIRST')
            t.keys('\x03\x04')
            return t.rest()

        self.assertEqual(self.chat(play, '-n', '3', '--ctx', '512')[0], 0)
        self.assertEqual(self.sessions(), [])

    def test_three_rounds_and_again(self):
        def play(t):
            t.wait('[#1 gray.png 257x131]')
            for text in 'what is it?', 'and then?', '你好':
                t.say(text)
                t.wait('[cut at 9]')
            t.keys('\x04')
            return t.rest()

        def look(t):
            t.wait('and then?')
            t.wait('你好')
            t.wait('gray.png')      # read from the store after the text is there
            t.keys('\x04')
            return t.rest()

        status, left = self.chat(play, '-n', '9', program.GRAY)
        self.assertEqual(status, 0)
        self.assertRegex(left, r'Assistant\r?\n[^\0]*ivchat -s [0-9a-f]{4}\r?\n$')
        self.assertEqual([r['text'] for r in self.of_kind('user')], ['what is it?', 'and then?', '你好'])
        self.assertEqual([r['stop'] for r in self.of_kind('answer')], ['length'] * 3)
        self.assertEqual(self.chat(look, '-c')[0], 0)

    def test_stopping_keeps_the_text(self):
        def play(t):
            t.wait('/help')
            t.say('go on')
            t.wait('answering')
            t.keys('\x03')
            t.wait('[stopped]')
            t.keys('\x04')
            return t.rest()

        self.assertEqual(self.chat(play, '-n', LONG)[0], 0)
        answer, = self.of_kind('answer')
        self.assertEqual(answer['stop'], 'user')
        self.assertLess(len(answer['ids']), LONG)

    def test_a_queued_message_returns_to_the_input(self):
        def play(t):
            t.wait('/help')
            t.say('first')
            t.wait('answering')
            t.say('second')
            t.wait('[queued]')
            t.keys('\x03')
            t.wait('[stopped]')
            t.keys('\r')
            t.wait('answering')
            t.keys('\x03')
            t.wait('[stopped]')
            t.keys('\x04')
            return t.rest()

        self.assertEqual(self.chat(play, '-n', LONG)[0], 0)
        self.assertEqual([r['text'] for r in self.of_kind('user')], ['first', 'second'])

    def newest(self):
        return self.records(max(self.sessions(), key=lambda path: path.stat().st_mtime_ns))

    def wait_for_text(self):
        """Until some of the running answer is on the disk."""
        end = time.monotonic() + program.TIMEOUT
        while not self.sessions() or self.newest()[-1]['t'] != 'part':
            if time.monotonic() > end:
                raise AssertionError('nothing of the answer is stored')
            time.sleep(0.05)

    def ended_by(self, number, *args):
        def play(t):
            t.wait('/help')
            t.say('go on')
            t.wait('answering')
            self.wait_for_text()
            os.kill(os.tcgetpgrp(t.fd), number)
            return t.rest()

        return self.chat(play, '-n', LONG, *args)[0]

    def test_a_killed_answer_is_there_again(self):
        def look(t):
            t.wait('[interrupted]')
            t.keys('\x04')
            return t.rest()

        self.assertEqual(self.ended_by(signal.SIGKILL), -signal.SIGKILL)
        self.assertTrue(self.of_kind('part'))
        self.assertEqual(self.chat(look, '-c')[0], 0)

    def test_signals_store_what_was_said(self):
        for number, status in (signal.SIGTERM, 143), (signal.SIGHUP, 129):
            with self.subTest(number):
                ended = self.ended_by(number, '--name', f'by {number}', '--set', 'hangup.grace=0')
                self.assertEqual(ended, status)
                last = self.newest()[-1]
                self.assertEqual((last['t'], last['stop']), ('answer', 'hangup'))

    def test_a_running_answer_outlives_the_terminal(self):
        self.assertEqual(self.ended_by(signal.SIGHUP, '-n', '2500'), 129)
        last = self.newest()[-1]
        self.assertEqual((last['t'], last['stop'], len(last['ids'])), ('answer', 'length', 2500))

    def test_no_longer_than_the_grace(self):
        self.assertEqual(self.ended_by(signal.SIGHUP, '--set', 'hangup.grace=1s'), 129)
        self.assertEqual(self.newest()[-1]['stop'], 'hangup')

    def test_settings_of_the_screen(self):
        def play(t):
            t.wait('\033[?1000h')
            t.wait('\033[22;2t\033]2;ivchat\033\\')
            t.wait('/help')
            t.say('/rename tea')
            t.wait('\033]2;ivchat: tea\033\\')
            t.keys('\x04')
            return t.rest()

        def quiet(t):
            t.wait('/help')
            t.keys('\x04')
            t.rest()
            return t.seen

        status, left = self.chat(play, '--set', 'ui.mouse=on', '--set', 'ui.title=on')
        self.assertEqual(status, 0)
        self.assertLess(left.index('\033[23;2t'), left.index('\033[?1049l'))
        self.assertIn('\033[?1000l', left)
        seen = self.chat(quiet)[1]
        self.assertNotIn(b'\033]2;', seen)
        self.assertNotIn(b'\033[?1000h', seen)

    def test_what_was_said_verifies(self):
        def play(t):
            t.wait('/help')
            t.say('one')
            t.wait('[cut at 7]')
            t.say('two')
            t.wait('[cut at 7]')
            t.say('/verify')
            t.wait('turn 1: same 7')
            t.wait('turn 2: same 7')
            t.wait('2 answers are the same, 0 differ')
            t.say('/verify 2')
            t.wait('turn 2: same 7')
            t.say('/verify 3')
            t.wait('there is no answer in turn 3')
            t.keys('\x03\x04')
            return t.rest()

        def changed(t):
            t.wait('two')
            t.wait('[cut at 7]')
            t.say('three')          # the model is there when it is answered
            t.wait('[cut at 7]')
            t.say('/verify')
            t.wait('differs at 3 of 7')
            t.keys('\x04')
            return t.rest()

        self.assertEqual(self.chat(play, '-n', '7')[0], 0)
        path, = self.sessions()
        lines = path.read_text().splitlines()
        last = max(i for i, line in enumerate(lines) if '"t":"answer"' in line)
        record = json.loads(lines[last])
        record['ids'][2] += 1
        lines[last] = json.dumps(record, separators=(',', ':'))
        path.write_text('\n'.join(lines) + '\n')
        self.assertEqual(self.chat(changed, '-n', '7', '-c')[0], 0)

    def test_verifying_stops(self):
        def play(t):
            t.wait('/help')
            t.say('one')
            t.wait('[cut at 4000]')
            t.say('/verify')
            t.wait('verifying')
            t.say('two')
            t.wait('[queued]')
            t.keys('\x03')
            t.wait('verifying stopped')
            t.keys('\x03\x04')
            return t.rest()

        self.assertEqual(self.chat(play, '-n', '4000')[0], 0)
        self.assertEqual([r['text'] for r in self.of_kind('user')], ['one'])

    def test_image_without_a_path_lists_pictures(self):
        def play(t):
            t.wait('/help')
            t.say('/image')
            t.wait('Pictures in ')
            t.wait('red-star.png')
            t.keys('star')
            t.wait('star')
            t.keys('\r')
            t.wait('[#1 red-star.png')
            t.keys('\x03\x04')
            return t.rest()

        self.env['IVCHAT_SHARE'] = str(program.SOURCE / 'share')
        self.assertEqual(self.chat(play)[0], 0)

    def test_private(self):
        def play(t):
            t.wait('PRIVATE')
            t.say('secret')
            t.wait('[cut at 5]')
            t.keys('\x04')
            return t.rest()

        status, left = self.chat(play, '-n', '5', '--no-save')
        self.assertEqual(status, 0)
        self.assertIsNone(re.search(r'ivchat -s', left))
        self.assertFalse(self.home.exists())


if __name__ == '__main__':
    program.main()
