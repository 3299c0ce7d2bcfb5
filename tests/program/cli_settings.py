#!/usr/bin/env python3
# cli_settings.py: settings from the config file to the answer's record; completions in the shells themselves; the
# tables of the manual against the program's.
import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import time

sys.dont_write_bytecode = True
from program import GRAY, IVCHAT, SOURCE, TIMEOUT, TINY, ProgramTest, main


class Settings(ProgramTest):
    def config(self, text):
        (self.home / 'config').mkdir(parents=True, exist_ok=True)
        (self.home / 'config' / 'config').write_text(text)

    def sampling(self, *args):
        answer = json.loads(self.good(self.ask('--json', '--no-save', *args, 'hi')))
        return answer['sampling'], answer['tokens']['answer']

    def test_order(self):
        self.config('gen.temp = 0.5\ngen.top_k = 5\ngen.top_p = 0.5\ngen.seed = 7\ngen.max_tokens = 1\n'
                    '[preset p]\ntop_k = 6\ntop_p = 0.6\nmax_tokens = 2\n')
        sampling, tokens = self.sampling()
        self.assertEqual(sampling, {'temp': 0.5, 'top_p': 0.5, 'top_k': 5, 'repeat_penalty': 1.0, 'seed': 7})
        self.assertEqual(tokens, 1)
        sampling, _ = self.sampling('--top-k', '9', '--set', 'gen.top_p=0.8', '--preset', 'p')
        self.assertEqual(sampling, {'temp': 0.5, 'top_p': 0.8, 'top_k': 9, 'repeat_penalty': 1.0, 'seed': 7})
        sampling, _ = self.sampling('--reference')
        self.assertEqual((sampling['temp'], sampling['top_k']), (0.0, 0))

    def test_model_folder(self):
        self.config(f'model.dir = {TINY}\n')
        self.assertIn('whole', self.good(self.run_it('model', 'check')))
        self.env['IVCHAT_MODEL'] = '/nowhere'
        self.fails(self.run_it('model', 'check'), 4,
                   "cannot open the model folder '/nowhere': No such file or directory")

    def test_usual_system_message_is_for_new_sessions(self):
        self.config('gen.system = "first"\n')
        self.good(self.ask('-n', '1', 'hi'))
        self.config('gen.system = "second"\n')
        self.good(self.ask('-n', '1', '-c', 'hi'))
        systems = [r['text'] for r in self.records() if r['t'] == 'system']
        self.assertEqual(systems, ['first'])
        self.good(self.ask('-n', '1', '-c', '-S', 'third', 'hi'))
        systems = [r['text'] for r in self.records() if r['t'] == 'system']
        self.assertEqual(systems, ['first', 'third'])

    def test_picture_question(self):
        self.config('image.question = "What?"\n')
        self.good(self.ask('-n', '1', '-i', GRAY))
        self.assertEqual([r['text'] for r in self.records() if r['t'] == 'user'], ['What?'])

    def test_one_warning_and_the_default(self):
        self.config('\n\ngen.temp = hot\n')
        result = self.ask('--json', '--no-save', '-n', '1', 'hi')
        self.assertEqual(result.stderr.decode(),
                         f"ivchat: {self.home}/config/config:3: gen.temp 'hot': must be a number from 0 to 100\n")
        self.assertEqual(json.loads(result.stdout)['sampling']['temp'], 0.0)

    def test_commands_that_need_no_settings_are_silent(self):
        self.config('nonsense\n')
        self.good(self.run_it('help'))
        self.good(self.run_it('completion', 'bash'))

    def test_store_folder(self):
        elsewhere = self.dir / 'else where'
        self.config(f'store.dir = "{elsewhere}"\n')
        self.good(self.ask('-n', '1', '-i', GRAY, 'first'))
        self.assertEqual(self.sessions(), [])
        path = self.good(self.run_it('path', 'last')).strip()
        self.assertTrue(path.startswith(f'{elsewhere}/sessions/'), path)
        self.assertEqual(len(list(elsewhere.glob('pictures/*/*.png'))), 1)
        self.assertIn('first', self.good(self.run_it('show', 'last')))
        self.assertEqual(self.good(self.run_it('ls', '--set', f'store.dir={self.dir}/none')), '')
        self.assertEqual(self.run_it('doctor', '-m', TINY).stdout.decode().count('else where: writes and locks'), 1)

    def test_log(self):
        log = self.home / 'state' / 'log'
        self.good(self.ask('-n', '1', 'hi'))
        torn = self.sessions()[0]

        def go_on(*args):
            with torn.open('ab') as f:
                f.write(b'{"t":"na')
            self.good(self.ask('-n', '1', '-c', *args, 'on'))
        go_on('--set', 'log.level=off')
        self.assertFalse(log.exists())
        go_on()
        self.assertIn('torn last line', log.read_text())
        self.env['IVCHAT_LOG'] = str(self.dir / 'own log')
        go_on()
        self.assertIn('torn last line', (self.dir / 'own log').read_text())
        self.fails(self.ask('--set', 'log.level=loud', 'hi'), 2,
                   "log.level 'loud': must be one of: off info debug")

    def test_config_prints_what_it_reads(self):
        self.config('gen.system = "a \\"b\\" # \\\\"\nui.theme = dark\n[preset x y]\nsystem = " z "\ntemp = 1\n')
        first = self.good(self.run_it('config'))
        self.assertRegex(first, rf'(?m)^ui.theme +\= dark +# {re.escape(str(self.home))}/config/config:2$')
        self.assertRegex(first, r'(?m)^gen.temp +\= 0 +# default$')
        self.assertRegex(first, r'(?m)^#model.dir')
        self.config(first)
        second = self.good(self.run_it('config'))
        drop = re.compile(r' +# .*')
        self.assertEqual([drop.sub('', line) for line in second.splitlines()[1:]],
                         [drop.sub('', line) for line in first.splitlines()[1:]])

    def test_words_that_cannot_be(self):
        self.fails(self.ask('--set', 'gen.tmep=1', 'hi'), 2, "there is no key 'gen.tmep'", 'ivchat config')
        self.fails(self.ask('--set', 'gen.temp', 'hi'), 2, "--set 'gen.temp': must be KEY=VALUE", 'ivchat config')
        self.fails(self.ask('--preset', 'x', 'hi'), 2, "there is no preset 'x'")
        self.fails(self.run_it('ls', '--set', 'gen.temp=-1'), 2, "gen.temp '-1': must be a number from 0 to 100")
        self.fails(self.run_it('config', 'gen.temp'), 2, "config takes no operand: 'gen.temp'")
        self.fails(self.run_it('completion', 'tcsh'), 2, 'completion needs one of: bash, zsh, fish')

    def test_trash_days(self):
        for text in 'a', 'b':
            self.good(self.ask('-n', '1', text))
        first, second = self.sessions()
        self.good(self.run_it('rm', '-f', first.stem))
        self.good(self.run_it('rm', '-f', '--set', 'trash.days=0', second.stem))
        self.assertEqual(list((self.home / 'data' / 'trash').iterdir()), [])


class Completion(ProgramTest):
    def setUp(self):
        super().setUp()
        bin_dir = self.dir / 'bin'
        bin_dir.mkdir()
        (bin_dir / 'ivchat').symlink_to(IVCHAT)
        self.env['PATH'] = f'{bin_dir}:{self.env["PATH"]}'
        for name in 'cat.JPG', 'dog.png', 'notes.txt':
            (self.dir / name).write_text('')
        (self.dir / 'folder').mkdir()

    def shell(self, name):
        if not shutil.which(name):
            self.skipTest(f'{name} is not installed')
        script = self.dir / f'ivchat.{name}'
        script.write_text(self.good(self.run_it('completion', name)))
        subprocess.run([name, '-n', script], check=True, env=self.env)
        return script

    def check_all(self, complete):
        """complete(words) → the candidates for the last one."""
        self.good(self.ask('-n', '1', 'hi'))
        session = self.sessions()[0].stem
        self.assertEqual(complete('ren'), ['rename'])
        self.assertEqual(complete('ask', '--the'), [])
        self.assertEqual(complete('ask', '--repe'), ['--repeat-penalty'])
        self.assertEqual(complete('ask', '--orient', 'i'), ['ignore'])
        self.assertEqual(complete('ask', '--set', 'gen.to'), ['gen.top_k=', 'gen.top_p='])
        self.assertEqual(complete('show', session[:8]), [session])
        self.assertEqual(complete('completion', 'z'), ['zsh'])
        self.assertEqual(complete('chat', '-i', ''), ['bin', 'cat.JPG', 'dog.png', 'folder', 'home'])

    def test_bash(self):
        script = self.shell('bash')

        def complete(*words):
            line = ' '.join(f"'{word}'" for word in ('ivchat',) + words)
            code = (f'source {script}; COMP_WORDS=({line}); COMP_CWORD={len(words)}; _ivchat 2>/dev/null; '
                    'printf "%s\\n" "${COMPREPLY[@]}"')
            out = subprocess.run(['bash', '-c', code], env=self.env, cwd=self.dir, stdout=subprocess.PIPE, check=True)
            return sorted(out.stdout.decode().split())
        self.check_all(complete)
        self.assertEqual(complete('ask', '--orient', '=', 'i'), ['ignore'])
        self.assertIn('ask', complete(''))
        self.assertIn('cat.JPG', complete(''))

    def check_listing(self, complete):
        """What the other two list that look at whole words: options that take files, words with something behind them."""
        self.assertEqual(complete('ask', '-o', 'no'), ['notes.txt'])
        self.assertEqual(complete('model', 'p'), ['plan'])
        self.assertEqual(complete('model', 'plan', 'f'), ['folder'])
        self.assertEqual(complete('import', 'n'), ['notes.txt'])
        self.assertEqual(complete('help', 'acti'), ['actions'])
        (self.home / 'config').mkdir()
        (self.home / 'config' / 'config').write_text('[preset brief]\ntemp = 1\n')
        self.assertEqual(complete('ask', '--preset', 'b'), ['brief'])

    def test_fish(self):
        script = self.shell('fish')

        def complete(*words):
            line = 'ivchat ' + ' '.join(words)
            out = subprocess.run(['fish', '--no-config', '-c', f'source {script}; complete -C "{line}"'], env=self.env,
                                 cwd=self.dir, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=True)
            self.assertEqual(out.stderr, b'')
            return sorted({line.split('\t')[0].rstrip('/') for line in out.stdout.decode().splitlines()})
        self.check_all(complete)
        self.check_listing(complete)
        self.env['CLICOLOR_FORCE'] = '1'
        self.assertEqual(complete('show', 'la'), ['last'])
        self.assertEqual(complete('show', '2'), [self.sessions()[0].stem])

    def test_zsh(self):
        """Completing needs zsh's line editor: keys are typed into one in a terminal, and what is offered is written down."""
        script = self.shell('zsh')
        with Zsh(script, self.env, self.dir) as zsh:
            self.check_all(zsh.complete)
            self.check_listing(zsh.complete)
            self.assertIn('ask', zsh.complete(''))
            self.assertIn('cat.JPG', zsh.complete(''))


class Zsh:
    """A zsh without anybody's settings. Each of its compadd calls also writes into a file what fits; Ctrl-G says when."""
    SETUP = '''PS1= RPS1= PS2=
        autoload -Uz compinit
        compinit -D -u
        source {script}
        compadd() {{
            local -a fits
            [[ " $* " == *" -"[ADO]" "* ]] || {{ builtin compadd -A fits "$@"; print -rl -- $fits >> {dir}/offered }}
            builtin compadd "$@"
        }}
        zstyle ':completion:*' accept-exact false
        say_done() {{ : > {dir}/done; zle kill-whole-line }}
        zle -N say_done
        bindkey '^G' say_done
        bindkey '^I' complete-word
        LISTMAX=1000000
        say_ready() {{ : > {dir}/done; zle -D zle-line-init }}
        zle -N zle-line-init say_ready
    '''

    def __init__(self, script, env, dir):
        self.dir, self.env = dir, dict(env, TERM='vt100', ZDOTDIR=str(dir))
        (dir / 'setup').write_text(self.SETUP.format(script=script, dir=dir))

    def __enter__(self):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(self.dir)
            os.execvpe('zsh', ['zsh', '-f', '-i'], self.env)
        os.write(self.fd, b'. ./setup\n')
        self.wait()
        return self

    def __exit__(self, *_):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.fd)

    def wait(self):
        end = time.monotonic() + TIMEOUT
        while not (self.dir / 'done').exists():
            if time.monotonic() > end:
                raise AssertionError('zsh has not answered')
            if select.select([self.fd], [], [], 0.01)[0]:
                os.read(self.fd, 65536)
        (self.dir / 'done').unlink()

    def complete(self, *words):
        (self.dir / 'offered').write_bytes(b'')
        os.write(self.fd, ('ivchat ' + ' '.join(words)).encode() + b'\t\x07')
        self.wait()
        return sorted({line.rstrip('/') for line in (self.dir / 'offered').read_text().splitlines() if line})


class Help(ProgramTest):
    """Every key, command, option and setting that the program promises is in its help."""
    KEYS = ('Enter|Alt-Enter|Ctrl-J|Ctrl-C|Ctrl-D|Up|Down|Ctrl-R|Tab|Shift-Tab|Ctrl-X Ctrl-E|Ctrl-G|Ctrl-A|Ctrl-E|Home|End|Alt-B|'
            'Alt-F|Ctrl-Left|Ctrl-Right|Ctrl-K|Ctrl-U|Ctrl-W|Alt-D|Alt-Backspace|Ctrl-Y|Alt-Y|Ctrl-_|Alt-_|Ctrl-T|Ctrl-V|Alt-I|PgUp|'
            'PgDn|Alt-P|Alt-N|Ctrl-Home|Ctrl-End|Ctrl-S|Ctrl-O|Esc|Ctrl-L|Ctrl-Z|Alt-M|F1|Alt-Up').split('|')
    READING = 'j k Down Up Space PgDn PgUp g G [ ] < > / ? n N Enter v B y Y e r c f p P q i Esc'.split()
    SLASH = ('help ? image images detach compare view regen continue edit undo fork system set preset new clear sessions resume '
             'rename tag search find export copy raw tokens context pin drop info verify save private redraw quit exit bye '
             'q').split()
    SETTINGS = ('model.dir model.quant model.gpus model.ctx gen.max_tokens gen.temp gen.top_p gen.top_k gen.repeat_penalty gen.seed '
                'engine.ahead engine.guess kv.snapshot kv.snapshot_max gen.system context.overflow image.mode image.width image.max_kib image.orient image.question input.mode '
                'input.paste_fold history.save history.size ui.ascii ui.theme ui.title ui.timestamps ui.markdown ui.math '
                'ui.mouse exit.print hangup.grace store.dir trash.days log.level').split()
    OPTIONS = {
        'chat': 'model quant gpus ctx threads guess image system max-tokens temp top-p top-k repeat-penalty seed continue session name no-save '
                'images plain say set preset quiet verbose help version',
        'ask': 'json stream-json no-stream output continue session image system',
        'batch': 'output images-root map suffix shard jobs reference keep',
        'ls': 'limit tag json check', 'show': 'turn raw', 'rm': 'force restore empty-trash gc',
        'search': 'ignore-case case extended word list limit context role since until tag json image',
        'export': 'format branch output embed force',
        'replay': 'speed idle-limit from to loop branch run history diff verify turn json',
    }

    def names(self, topic):
        """What stands left in a table: keys, commands or settings."""
        table = self.good(self.run_it('help', topic, '--man'))
        return re.findall(r'(?m)^\.It Li "(.*)"$', table), table

    def test_keys(self):
        for topic, wanted in ('keys', self.KEYS), ('reading', self.READING):
            keys = {key for row in self.names(topic)[0] for key in row.split(', ')}
            self.assertEqual(set(wanted) - keys, set())

    def test_slash_commands(self):
        rows, table = self.names('slash')
        names = {row[1:].split(' ')[0] for row in rows}
        for also in re.findall('also (.*)', table):
            names |= {name[1:] for name in also.split(', ')}
        self.assertEqual(set(self.SLASH) - names, set())

    def test_settings(self):
        self.assertEqual(set(self.SETTINGS) - {row.split(' =')[0] for row in self.names('settings')[0]}, set())

    def test_options(self):
        for command, wanted in self.OPTIONS.items():
            told = set(re.findall('--([a-z-]+)', self.good(self.run_it(command, '--help'))))
            self.assertEqual(set(wanted.split()) - told, set(), command)


class Manual(ProgramTest):
    def tables(self, page):
        text = (SOURCE / 'man' / page).read_text()
        return dict(re.findall(r'(?ms)^\.\\" ([a-z]+): made by man/update\n(.*?)^\.\\" \1: end$', text))

    def test_tables_are_those_of_the_program(self):
        """`man/update ./ivchat` writes them."""
        seen = {}
        for page in 'ivchat.1', 'ivchat-config.5':
            seen.update(self.tables(page))
        self.assertLessEqual({'keys', 'settings', 'slash'}, set(seen))
        for topic, table in seen.items():
            with self.subTest(topic=topic):
                self.assertEqual(table, self.good(self.run_it('help', topic, '--man')))

    def test_every_setting_is_printed_and_documented(self):
        printed = [line.lstrip('#').split()[0] for line in self.good(self.run_it('config')).splitlines()[1:]]
        table = re.findall(r'(?m)^\.It Li "(\S+) =', self.tables('ivchat-config.5')['settings'])
        self.assertEqual(table, printed)

    def test_update_changes_nothing(self):
        shutil.copytree(SOURCE / 'man', self.dir / 'man')
        subprocess.run(['chmod', '-R', 'u+w', self.dir / 'man'], check=True)
        subprocess.run([self.dir / 'man' / 'update', IVCHAT], check=True, env=self.env)
        for page in 'ivchat.1', 'ivchat-config.5', 'ivchat-session.5':
            self.assertEqual((self.dir / 'man' / page).read_text(), (SOURCE / 'man' / page).read_text())


if __name__ == '__main__':
    main()
