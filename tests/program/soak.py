#!/usr/bin/env python3
# soak.py [SECONDS [SEED]]: half an hour of somebody who presses anything, in tmux, with the model that comes with the
# program (or $IVCHAT_MODEL). Not among the tests of `make check`: it takes as long as it is told (default 60 seconds).
#
# After every few steps the screen must still answer: what is typed then must be seen. At the end the chat must leave by
# itself, its store must be whole, and every conversation must be readable. Prints memory and turns once a minute.
import collections
import json
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time

SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent
IVCHAT = os.path.abspath(os.environ.get('IVCHAT', './ivchat'))
MODEL = os.environ.get('IVCHAT_MODEL', str(SOURCE / 'share' / 'model'))
PICTURES = sorted((SOURCE / 'share' / 'pictures').glob('*.png'))
SIZES = [(100, 30), (80, 24), (40, 8), (41, 9), (132, 50), (30, 6), (200, 60), (63, 17)]
QUESTIONS = ['What is in the picture?', 'What colour is it?', '图里有什么？', '苹果在哪里？请说说。', 'hello', 'Write a list.',
             'How many are there, and what stands on the left of it? ' * 6, '```c\nint main(void);\n```', '| a | b |',
             'ünïcödé 👨‍👩‍👧 ｆｕｌｌ　ｗｉｄｔｈ e\u0301', '\\frac{1}{2}', '$x^2$ 猫猫猫猫猫猫猫猫猫猫猫猫猫猫猫猫猫猫猫猫猫猫猫猫猫猫']
COMMANDS = ['/regen 0.7', '/regen', '/continue', '/undo', '/context', '/tokens', '/info', '/images', '/raw', '/pin', '/pin 1',
            '/drop 1', '/copy', '/copy all', '/set temp 0.9', '/set temp 0', '/set', '/system Be short.', '/system default',
            '/find a', '/search picture', '/rename soak 试', '/tag x', '/save', '/redraw', '/view 1', '/compare 1 2', '/edit',
            '/fork', '/nonsense', '/help image', '/verify', '/detach all', '/new', '/preset']
TYPING = ['PageUp', 'PageDown', 'M-p', 'M-n', 'C-Home', 'C-End', 'Up', 'Down', 'Left', 'Right', 'C-a', 'C-e', 'C-w', 'C-k',
          'C-y', 'M-y', 'C-_', 'M-_', 'C-t', 'M-b', 'M-f', 'Tab', 'BTab', 'C-l', 'M-Enter', 'BSpace', 'DC', 'C-v', 'M-m',
          'F1', 'C-x', 'C-r', 'C-s', 'M-Up', 'C-z', 'C-j', 'Home', 'End', 'F5', 'M-x', 'C-Left']
READING = ['j', 'k', 'Space', 'b', 'g', 'G', '[', ']', '<', '>', 'p', 'P', 'v', 'B', 'y', 'Y', 'r', 'c', 'e', 'n', 'N',
           'Enter', 'PageUp', 'Up', 'Down', '?', '/', 'Home', 'End', 'x', 'Escape']
LISTS = ['Up', 'Down', 'PageDown', 'PageUp', 'Home', 'End', 'a', 'BSpace', 'Enter', 'Escape', 'Tab']


class Stuck(Exception):
    pass


class Soak:
    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix='ivchat-soak-'))
        for picture in PICTURES:
            shutil.copy(picture, self.dir)
        self.env = dict(os.environ, IVCHAT_HOME=str(self.dir / 'home'), HOME=str(self.dir), LC_ALL='C.UTF-8',
                        INPUTRC='/dev/null', PAGER='cat', EDITOR='true', VISUAL='true')
        for name in 'TMUX', 'DISPLAY', 'WAYLAND_DISPLAY', 'NO_COLOR':
            self.env.pop(name, None)
        self.steps, self.checks, self.said, self.last = 0, 0, 0, []
        self.tmux('-f', '/dev/null', 'new-session', '-d', '-x', '100', '-y', '30', '-c', str(self.dir),
                  IVCHAT, '-m', MODEL, '-n', '48')
        self.tmux('set-option', '-g', 'remain-on-exit', 'on')
        self.tmux('pipe-pane', f'cat >{self.dir}/written')
        self.pid = int(self.tmux('display-message', '-p', '#{pane_pid}'))

    def tmux(self, *args):
        return subprocess.run(['tmux', '-S', str(self.dir / 'tmux'), *args], env=self.env, check=True,
                              stdout=subprocess.PIPE, cwd=self.dir).stdout.decode()

    def screen(self):
        return self.tmux('capture-pane', '-p')

    def alive(self):
        return self.tmux('display-message', '-p', '#{pane_dead}').strip() == '0'

    def on_alternate(self):
        return self.tmux('display-message', '-p', '#{alternate_on}').strip() == '1'

    def keys(self, *names):
        self.last = (self.last + list(names))[-60:]
        self.tmux('send-keys', *names)

    def type(self, text):
        self.last = (self.last + [repr(text)])[-60:]
        self.tmux('send-keys', '-l', '--', text)

    def resident(self):
        with open(f'/proc/{self.pid}/status') as f:
            return int(re.search(r'VmRSS:\s+(\d+) kB', f.read()).group(1))

    # ---- what somebody does

    def ask(self):
        if self.rng.random() < 0.4:
            self.type(f'/image {self.rng.choice(PICTURES).name}')
            self.keys('Enter')
        self.type(self.rng.choice(QUESTIONS).replace('\n', ' '))
        self.keys('Enter')
        self.said += 1
        if self.rng.random() < 0.7:             # and waits for the answer, more or less
            time.sleep(self.rng.random() * 3)

    def command(self):
        self.type(self.rng.choice(COMMANDS))
        self.keys('Enter')

    def edit(self):
        self.keys(*self.rng.choices(TYPING, k=self.rng.randint(1, 6)))

    def read(self):
        self.keys('Escape')
        time.sleep(0.1)
        self.keys(*self.rng.choices(READING, k=self.rng.randint(1, 8)))

    def list(self):
        self.keys(self.rng.choice(['C-o', 'M-i']))
        time.sleep(0.1)
        self.keys(*self.rng.choices(LISTS, k=self.rng.randint(1, 6)))

    def paste(self):
        text = '\n'.join(self.rng.choices(QUESTIONS, k=self.rng.randint(1, 30)))
        self.tmux('set-buffer', '--', text)
        self.tmux('paste-buffer', *self.rng.choice([[], ['-p']]))
        self.last.append('paste')

    def resize(self):
        cols, rows = self.rng.choice(SIZES)
        self.last.append(f'{cols}x{rows}')
        self.tmux('resize-window', '-x', str(cols), '-y', str(rows))

    def copy_mode(self):
        self.tmux('copy-mode')
        time.sleep(0.1)
        self.tmux('send-keys', '-X', 'cancel')

    def stop(self):
        self.keys('C-c')

    def step(self):
        act = self.rng.choices([self.ask, self.command, self.edit, self.read, self.list, self.paste, self.resize,
                                self.copy_mode, self.stop], weights=[8, 6, 6, 5, 2, 1, 2, 1, 2])[0]
        act()
        self.steps += 1
        time.sleep(self.rng.random() * 0.2)
        if not self.on_alternate():
            time.sleep(1)                       # an editor was there
            if self.alive() and not self.on_alternate():
                raise Stuck('the chat is not on the screen of its own')

    # ---- what must hold

    def check(self):
        """What is typed is seen, after at most a few keys that lead back to typing from anywhere."""
        self.checks += 1
        word = f'seen{self.checks}'
        for attempt in range(6):
            self.tmux('resize-window', '-x', '100', '-y', '30')
            self.tmux('send-keys', 'C-c')
            time.sleep(0.1)
            self.tmux('send-keys', 'C-c')
            time.sleep(0.2)
            self.tmux('send-keys', '-l', '--', word)
            end = time.monotonic() + 5
            while time.monotonic() < end:
                if not self.alive():
                    raise Stuck('the chat has ended')
                if word in self.screen():
                    self.tmux('send-keys', 'C-u')
                    return
                time.sleep(0.1)
        raise Stuck(f'{word} is not seen')

    def leave(self):
        self.check()
        time.sleep(0.3)
        end = time.monotonic() + 60
        while self.alive():
            if time.monotonic() > end:
                raise Stuck('the chat does not end')
            self.tmux('send-keys', 'C-c')
            time.sleep(0.2)
            self.tmux('send-keys', 'C-u', 'C-d')
            time.sleep(1)
        while not (status := self.tmux('display-message', '-p', '#{pane_dead_status}#{pane_dead_signal}').strip()):
            if time.monotonic() > end:          # tmux 3.3 now and then misses the end of a process
                with open(f'/proc/{self.pid}/stat') as f:
                    status = str(int(f.read().split()[-1]) >> 8)
                break
            time.sleep(0.2)
        if status != '0':
            raise Stuck(f'the chat ends with {status}')

    def written(self):
        """What was written to the terminal while it was let go: questions and modes, and nothing that can be seen. (What
        tmux 3.3 shows there after resizing may be torn off the other screen all the same.)"""
        written = (self.dir / 'written').read_bytes()
        for gap in re.findall(rb'\x1b\[\?1049l(.*?)\x1b\[\?1049h', written, re.S):
            if re.sub(rb'\x1b\[[?>0-9;]*[a-zA-Z]|\x1b[>=]|\r', b'', gap):
                raise Stuck(f'{gap} is written to the other screen')
        return len(written)

    def store(self):
        """Problems of the store."""
        checked = subprocess.run([IVCHAT, 'ls', '--check'], env=self.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        problems = checked.stdout.decode().splitlines()
        listed = subprocess.run([IVCHAT, 'ls', '--json'], env=self.env, stdout=subprocess.PIPE, check=True).stdout.decode()
        sessions = [json.loads(line) for line in listed.splitlines()] if listed.startswith('{') else json.loads(listed)
        for session in sessions:
            for args in ['show', session['id']], ['export', session['id'], '--format', 'json', '--branch', 'all', '-o', '-']:
                done = subprocess.run([IVCHAT, *args], env=self.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                if done.returncode:
                    problems.append(f'{args}: {done.returncode} {done.stderr.decode()}')
        ends, text = collections.Counter(), 0
        for path in (self.dir / 'home').glob('data/sessions/*/*.jsonl'):
            for line in path.read_bytes().splitlines():
                record = json.loads(line)
                if record['t'] in ('user', 'answer'):
                    ends[record.get('stop', 'questions')] += 1
                    text += len(record['text'])
        print(f'store: {len(sessions)} sessions, {text} characters;', *(f'{n} {end},' for end, n in ends.items()))
        return problems


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 60
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(10000)
    soak = Soak(seed)
    print(f'seed {seed}, {soak.dir}', flush=True)
    begin, told = time.monotonic(), 0
    try:
        time.sleep(2)
        soak.check()
        while (now := time.monotonic() - begin) < seconds:
            for _ in range(soak.rng.randint(1, 24)):
                soak.step()
            soak.check()
            if now - told >= 60 or told == 0:
                told = now
                print(f'{now:6.0f} s  {soak.steps:5} steps  {soak.said:4} questions  {soak.resident():7} KiB', flush=True)
        print(f'{now:6.0f} s  {soak.steps:5} steps  {soak.said:4} questions  {soak.resident():7} KiB', flush=True)
        soak.leave()
        print(f'{soak.written() / soak.steps:.0f} bytes a step to the terminal')
    except Stuck as stuck:
        print(f'{stuck}, after {soak.steps} steps; the last keys:', *soak.last)
        print(soak.screen())
        sys.exit(f'kept: tmux -S {soak.dir}/tmux attach')
    problems = soak.store()
    soak.tmux('kill-server')
    if problems:
        sys.exit('\n'.join(problems))
    shutil.rmtree(soak.dir)


main()
