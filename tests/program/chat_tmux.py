#!/usr/bin/env python3
# The chat in tmux, with a person's terminal around it: Esc and what follows it, and coming back to it.
import fcntl
import os
import pty
import shutil
import signal
import struct
import subprocess
import sys
import termios
import time
import unittest

sys.dont_write_bytecode = True
import program
from program import TINY, ProgramTest


class TmuxTest(ProgramTest):
    def setUp(self):
        super().setUp()
        self.env['SHELL'] = '/bin/sh'
        self.socket = str(self.dir / 'tmux')
        self.clients = []

    def tearDown(self):
        subprocess.run(['tmux', '-S', self.socket, 'kill-server'], env=self.env, stderr=subprocess.DEVNULL)
        for pid, fd in self.clients:
            os.close(fd)
            os.waitpid(pid, 0)
        super().tearDown()

    def tmux(self, *args):
        return subprocess.run(['tmux', '-S', self.socket, *args], env=self.env, cwd=self.dir, check=True,
                              stdout=subprocess.PIPE).stdout.decode()

    def start(self, escape_time, *command):
        self.tmux('-f', '/dev/null', 'new-session', '-d', '-x', '80', '-y', '24', 'sleep 1000')
        self.tmux('set-option', '-s', 'escape-time', str(escape_time))
        self.tmux('set-option', '-g', 'remain-on-exit', 'on')
        self.tmux('respawn-pane', '-k', *command)

    def attach(self):
        """A terminal that looks on; what is written to the descriptor is typed."""
        pid, fd = pty.fork()
        if pid == 0:
            os.execvpe('tmux', ['tmux', '-S', self.socket, 'attach'], self.env)
        fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack('HHHH', 24, 80, 0, 0))
        self.clients.append((pid, fd))
        while not self.tmux('list-clients'):
            time.sleep(0.05)
        return fd

    def screen(self):
        return self.tmux('capture-pane', '-p')

    def wait(self, text):
        end = time.monotonic() + program.TIMEOUT
        while text not in (screen := self.screen()):
            self.assertLess(time.monotonic(), end, f'{text!r} does not come:\n{screen}')
            time.sleep(0.05)

    def chat(self, escape_time):
        self.start(escape_time, program.IVCHAT, '-m', TINY, '-n', '3')
        self.wait('/help')
        return self.attach()

    def press(self, fd, first, then):
        """Two keys 100 ms apart."""
        os.write(fd, first)
        time.sleep(0.1)
        os.write(fd, then)

    def test_esc_and_a_key_are_two_when_tmux_does_not_wait(self):
        fd = self.chat(20)
        self.press(fd, b'\x1b', b'x')
        self.wait('READING')
        os.write(fd, b'qtyped')
        self.wait('> typed')

    def test_esc_and_a_key_are_one_when_tmux_waits(self):
        fd = self.chat(500)
        self.press(fd, b'\x1b', b'x')
        time.sleep(1)
        os.write(fd, b'typed')
        self.wait('> typed')
        self.assertNotIn('READING', self.screen())

    def test_the_doctor_tells(self):
        self.start(500, program.IVCHAT, 'doctor', '-m', TINY)
        self.wait('escape-time 500 ms: Esc acts')
        self.tmux('set-option', '-s', 'escape-time', '20')
        self.tmux('respawn-pane', '-k', program.IVCHAT, 'doctor', '-m', TINY)
        self.wait('escape-time 20 ms\n')

    def test_there_again_after_detaching(self):
        fd = self.chat(20)
        os.write(fd, b'hello')
        self.wait('> hello')
        os.write(fd, b'\r')
        self.wait('[cut at 3]')
        self.tmux('detach-client')
        self.tmux('resize-window', '-x', '60', '-y', '20')
        fd = self.attach()
        self.wait('[cut at 3]')
        os.write(fd, b'again')
        self.wait('> again')


if __name__ == '__main__':
    if not shutil.which('tmux'):
        print('skipped: no tmux')
        sys.exit(77)
    program.main()
