#!/usr/bin/env python3
# cli_errors.py: broken folders, pictures, sessions, command lines and places; each with its status and the one line that
# it must produce.
import hashlib
import json
import math
import os
import re
import socket
import struct
import subprocess
import sys
import time

sys.dont_write_bytecode = True
from program import (GRAY, IVCHAT, SOURCE, TINY, TINY_BYTES, ProgramTest, in_terminal, main, read_all, read_header,
                     write_header)
from tinymodel import HIDDEN, N_CTX

FIRST = 'model-00001-of-00002.safetensors'
WHOLE = f'tiny: whole, {TINY_BYTES} bytes of weights\n'


class Model(ProgramTest):
    """Each fails alike in `ask` and in `model check`, and leaves no session."""

    def broken(self, folder, what):
        for args in ('ask', '-m', folder, 'hi'), ('model', 'check', folder):
            with self.subTest(command=args[0]):
                self.fails(self.run_it(*args), 4, what)
        self.assertEqual(self.sessions(), [])

    def edit_json(self, path, **keys):
        value = json.loads(path.read_text())
        value.update(keys)
        path.write_text(json.dumps(value))

    def edit_tensor(self, folder, **keys):
        """Changes the first tensor's entry in the first shard; returns its name."""
        header, data = read_header(folder / FIRST)
        name = sorted(name for name in header if name != '__metadata__')[0]
        header[name].update(keys)
        write_header(folder / FIRST, header, data)
        return name

    def test_missing_folder(self):
        self.broken(self.dir / 'no', f"cannot open the model folder '{self.dir}/no': No such file or directory")

    def test_missing_shard(self):
        folder = self.derive('m')
        (folder / FIRST).unlink()
        self.broken(folder, f"cannot open the weights '{folder}/{FIRST}': No such file or directory")

    def test_truncated_shard(self):
        folder = self.derive('m')
        header, _ = read_header(folder / FIRST)
        os.truncate(folder / FIRST, (folder / FIRST).stat().st_size - 1)
        ends = {entry['data_offsets'][1]: name for name, entry in header.items() if name != '__metadata__'}
        self.broken(folder, f"'{folder}/{FIRST}': tensor {ends[max(ends)]}: its data lies beyond the end of the file, "
                    'which is truncated')

    def test_shard_of_five_bytes(self):
        folder = self.derive('m')
        os.truncate(folder / FIRST, 5)
        self.broken(folder, f"'{folder}/{FIRST}' is truncated: 5 bytes, no safetensors header")

    def test_header_beyond_the_file(self):
        folder = self.derive('m')
        data = bytearray((folder / FIRST).read_bytes())
        data[:8] = struct.pack('<Q', 2**60)
        (folder / FIRST).write_bytes(data)
        self.broken(folder, f"'{folder}/{FIRST}' is truncated or no safetensors file: a header of {2**60} bytes in a "
                    f'file of {len(data)}')

    def test_header_that_is_not_json(self):
        folder = self.derive('m')
        data = bytearray((folder / FIRST).read_bytes())
        data[8:12] = b'\xff\xff\xff\xff'
        (folder / FIRST).write_bytes(data)
        self.broken(folder, f"'{folder}/{FIRST}': the safetensors header is not a JSON object: "
                    'unable to decode byte 0xff')

    def test_index_names_what_is_not_there(self):
        folder = self.derive('m')
        header, data = read_header(folder / FIRST)
        name = sorted(name for name in header if name != '__metadata__')[0]
        del header[name]
        write_header(folder / FIRST, header, data)
        self.broken(folder, f"tensor {name} is not in '{folder}/{FIRST}', where model.safetensors.index.json places it")

    def test_wrong_shape(self):
        folder = self.derive('m')
        header, _ = read_header(folder / FIRST)
        name = sorted(name for name in header if name != '__metadata__')[0]
        rows, columns = header[name]['shape']
        self.edit_tensor(folder, shape=[columns, rows])
        self.broken(folder, f"'{folder}/{FIRST}': tensor {name} has the shape [{columns}, {rows}]; config.json needs "
                    f'[{rows}, {columns}]')

    def test_wrong_type(self):
        folder = self.derive('m')
        name = self.edit_tensor(folder, dtype='I64')
        self.broken(folder, f"'{folder}/{FIRST}': tensor {name}: the type is I64; supported: BF16, F16, F32")

    def test_unknown_architecture(self):
        folder = self.derive('m')
        self.edit_json(folder / 'config.json', architectures=['GPT2LMHeadModel'])
        self.broken(folder, f"'{folder}/config.json': architectures is [\"GPT2LMHeadModel\"]; supported: "
                    'InternVLChatModel, LlamaForCausalLM')

    def test_no_config(self):
        folder = self.derive('m')
        (folder / 'config.json').unlink()
        self.broken(folder, f"cannot open '{folder}/config.json': No such file or directory")

    def test_broken_tokenizer(self):
        folder = self.derive('m')
        (folder / 'tokenizer.model').write_bytes(b'\x0a\xff\xff\xff\xff\xff')
        what = f"'{folder}/tokenizer.model' is truncated or not a sentencepiece model"
        self.broken(folder, what)
        self.fails(self.run_it('tokenize', '-m', folder), 4, what)

    def test_link_to_nowhere(self):
        """A file that may be missing, but is meant to be there: the tokenizer would be another without it."""
        for name in 'tokenizer_config.json', 'added_tokens.json', 'generation_config.json':
            with self.subTest(name=name):
                folder = self.derive(name)
                (folder / name).unlink(missing_ok=True)
                (folder / name).symlink_to('blobs/gone')
                self.broken(folder, f"cannot open '{folder}/{name}': No such file or directory")

    def test_weights_that_are_no_numbers(self):
        """One row of the last matrix is enough: what it says of the other tokens cannot be trusted either."""
        folder = self.derive('m')
        for path in folder.glob('*.safetensors'):
            header, data = read_header(path)
            if 'language_model.lm_head.weight' in header:
                at = header['language_model.lm_head.weight']['data_offsets'][0] + 4 * HIDDEN * 100
                write_header(path, header, data[:at] + struct.pack('<f', math.nan) + data[at + 4:])
        for args in [], ['-t', '1', '--top-p', '0.9'], ['--json', '--logprobs', '3']:
            self.fails(self.ask('--no-save', *args, 'hi', model=folder), 7,
                       'the model computed no finite logits: are its weights damaged?')

    def test_shard_that_shrinks_while_it_is_used(self):
        folder = self.derive('m')
        program = self.start('ask', '-m', folder, '-n', '16000', 'first')
        try:
            self.wait_for_part(program)
            for path in folder.glob('*.safetensors'):
                os.truncate(path, 0)
            _, complaint = program.communicate(timeout=60)
        finally:
            program.kill()
        self.assertEqual(complaint.decode(), 'ivchat: a file of the model was cut short, or could not be read, while '
                         'it was in use\n')
        self.assertEqual(program.returncode, 7)
        shown = self.good(self.run_it('show', 'last'))
        self.assertIn('first', shown)
        self.assertIn('[interrupted]', shown)
        self.good(self.ask('-c', '-n', '2', 'second'))

    def test_check_of_a_whole_one(self):
        self.assertEqual(self.good(self.run_it('model', 'check', TINY)), WHOLE)

    def test_check_of_every_byte(self):
        """Each source that tells what a file should be, and a bit that no header shows."""
        folder = self.derive('tiny')
        names = sorted(p.name for p in folder.iterdir())
        sums = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names}
        check = 'model', 'check', '--full', folder

        def said(*known):
            return WHOLE + ''.join(f"{sums[name]}  {name}{'  as published' if name in known else ''}\n" for name in names)

        others = '; nothing here tells what the other ones should be\n'
        self.assertEqual(self.good(self.run_it(*check)), said() + f'0 of {len(names)} files are as published{others}')
        notes = folder / '.cache/huggingface/download'
        notes.mkdir(parents=True)
        (notes / f'{FIRST}.metadata').write_text(f"{'0' * 40}\n{sums[FIRST]}\n1.5\n")
        (notes / 'config.json.metadata').write_text(f"{'0' * 40}\n{'1' * 40}\n1.5\n")     # not a SHA-256: says nothing
        self.assertEqual(self.good(self.run_it(*check)), said(FIRST) + f'1 of {len(names)} files are as published{others}')
        blob = self.dir / 'blobs' / sums['tokenizer.model']
        blob.parent.mkdir()
        (folder / 'tokenizer.model').rename(blob)
        (folder / 'tokenizer.model').symlink_to(blob)
        self.assertEqual(self.good(self.run_it(*check)),
                         said(FIRST, 'tokenizer.model') + f'2 of {len(names)} files are as published{others}')
        (folder / 'SHA256SUMS').write_text(''.join(f'{h} {" *"[i % 2]}{n}\n' for i, (n, h) in enumerate(sums.items())))
        self.assertEqual(self.good(self.run_it(*check)), said(*names) + f'{len(names)} of {len(names)} files are as published\n')
        data = bytearray((folder / FIRST).read_bytes())
        data[-1] ^= 1
        (folder / FIRST).write_bytes(data)
        self.assertEqual(self.good(self.run_it('model', 'check', folder)), WHOLE)
        result = self.run_it(*check)
        self.assertEqual((result.returncode, result.stderr.decode()),
                         (4, f"ivchat: '{folder}/{FIRST}' is not the file that was published: its SHA-256 should be "
                             f"{sums[FIRST]}\ntry: fetch this file again\n"))
        self.assertTrue(result.stdout.decode().endswith(f'{hashlib.sha256(data).hexdigest()}  {FIRST}  not as published\n'))
        self.fails(self.run_it('model', 'info', '--full', folder), 2, '--full goes with model check only')


class Question(ProgramTest):
    def refused(self, result, status, what, hint=None):
        self.fails(result, status, what, hint)
        self.assertEqual(self.sessions(), [])

    def test_nothing(self):
        self.refused(self.ask(), 2, 'nothing to ask: no text and no picture', "ivchat ask 'What is a fox?'")
        self.refused(self.ask(stdin='\n\n'), 2, 'nothing to ask: no text and no picture')

    def test_not_utf8(self):
        self.refused(self.ask(stdin=b'caf\xe9'), 3, 'the text is not UTF-8')

    def test_too_long(self):
        result = self.ask('--ctx', '100', 'word ' * 200)
        self.assertRegex(result.stderr.decode(), r'^ivchat: the text is too long: \d+ tokens, and 64 for an answer, '
                         r'where the context holds 100\ntry: a shorter text\n$')
        self.assertEqual((result.returncode, self.sessions()), (3, []))

    def test_context_beyond_the_model(self):
        self.refused(self.ask('--ctx', N_CTX + 1, 'x'), 2, f"--ctx {N_CTX + 1}: the model's own limit is {N_CTX}")

    def test_not_a_picture(self):
        (self.dir / 'notes.png').write_text('These are notes.')
        self.refused(self.ask('-i', 'notes.png', 'x'), 3, "cannot read picture 'notes.png': this is not a picture")
        self.refused(self.ask('-i', '-', 'x', stdin=b'GIF'), 3, "cannot read picture 'stdin': this is not a picture")

    def test_missing_picture(self):
        self.refused(self.ask('-i', 'no.png', 'x'), 3, "cannot open 'no.png': No such file or directory")

    def test_picture_cut_short(self):
        self.refused(self.ask('-i', '-', 'x', stdin=GRAY.read_bytes()[:-600]), 3,
                     "cannot read picture 'stdin': it is cut short")

    def test_picture_too_large(self):
        """100 001 x 100 000 in a header of 20 bytes: refused before anything of that size is allocated."""
        result = self.ask('-i', '-', 'x', stdin=b'P6\n100001 100000\n255\n')
        self.assertRegex(result.stderr.decode(), r"^ivchat: cannot read picture 'stdin': .*100001.*100000")
        self.assertEqual((result.returncode, result.stdout, self.sessions()), (3, b'', []))

    def test_standard_input_twice(self):
        self.refused(self.ask('-i', '-', '-i', '-'), 2, "standard input can be read once: more than one '-'")
        self.refused(self.ask('-i', '-', '--messages', '-'), 2, "standard input can be read once: more than one '-'")

    def test_at_most_twenty_log_probabilities(self):
        for n in '0', '21', 'all':
            self.refused(self.ask('--json', '--logprobs', n, 'hi'), 2,
                         f"--logprobs '{n}': must be a whole number from 1 to 20")

    def test_options_that_do_not_go_together(self):
        self.refused(self.ask('-c', '-s', 'x', 'hi'), 2, '-c and -s do not go together')
        self.refused(self.ask('--json', '--stream-json', 'hi'), 2, '--json and --stream-json do not go together')
        self.refused(self.ask('--prompt-ids', 'hi'), 2, '--prompt-ids is printed as JSON only: it needs --json')
        self.refused(self.ask('--logprobs', '2', 'hi'), 2, '--logprobs is printed as JSON only: it needs --json')
        self.refused(self.ask('--reference', '-t', '1', 'hi'), 2, '--reference is greedy: it takes no sampling options')
        self.refused(self.ask('--reference', '-c', 'hi'), 2, '--reference is not stored: it takes no -c, -s or --name')
        self.refused(self.ask('--messages', 'f', 'hi'), 2, "--messages holds the question already: 'hi' is too much")

    def test_messages(self):
        user, answer = {'role': 'user', 'content': 'a'}, {'role': 'assistant', 'content': 'b'}
        for text, what in (
                ('{', "stdin: line 1: string or '}' expected near end of file"),
                ('{}', 'stdin: must be a list of messages'),
                ('[]', 'stdin: the last message must be the question, of "user"'),
                (json.dumps([user, answer]), 'stdin: the last message must be the question, of "user"'),
                (json.dumps([user, user]), 'stdin: message 2 is of "user", where one of "assistant" must stand'),
                (json.dumps([answer]), 'stdin: message 1 is of "assistant", where one of "user" must stand'),
                (json.dumps([{'role': 'user'}]), 'stdin: message 1 is not {"role": TEXT, "content": TEXT}'),
                (json.dumps([5]), 'stdin: message 1 is not {"role": TEXT, "content": TEXT}')):
            self.refused(self.ask('--messages', '-', stdin=text), 3, what)

    def test_system_message_for_the_reference(self):
        """Only the one that the model has anyway."""
        def messages(system):
            return json.dumps([{'role': 'system', 'content': system}, {'role': 'user', 'content': 'a'}])
        self.refused(self.ask('--reference', '--messages', '-', stdin=messages('Be brief.')), 3,
                     "the messages begin with a system message, and --reference uses the model's own")
        self.good(self.ask('--reference', '--messages', '-', '-n', '1', stdin=messages('Answer the questions.')))

    def test_messages_of_other_writers(self):
        """A mark of byte order in front, half a surrogate pair inside."""
        def ids(content, before=''):
            text = before + f'[{{"role": "user", "content": "{content}"}}]'
            return json.loads(self.good(self.ask('--messages', '-', '--json', '--prompt-ids', '-n', '1', '--no-save',
                                                 stdin=text)))['prompt_ids']
        self.assertEqual(ids('a\\ud83d', '\ufeff'), ids('a\ufffd'))

    def test_placeholders_and_pictures(self):
        self.refused(self.ask('--reference', '-i', GRAY, '<image> and <image>'), 3,
                     'the texts have 2 <image> for 1 pictures')

    def test_the_models_own_mark(self):
        self.refused(self.ask('what is <IMG_CONTEXT>?'), 3,
                     "a message contains <IMG_CONTEXT>, the model's own mark for a picture")


class Place(ProgramTest):
    def test_answer_to_a_full_disk(self):
        for args in [], ['--json'], ['--stream-json'], ['--no-stream']:
            with self.subTest(args=args), open('/dev/full', 'wb') as full:
                self.fails(self.ask('-n', '3', *args, 'hi', stdout=full), 6,
                           'cannot write the answer to standard output: No space left on device')

    def test_answer_into_a_folder_that_is_not_there(self):
        self.fails(self.ask('-o', 'no/such', 'hi'), 6, "cannot write 'no/such': No such file or directory")

    def test_help_to_a_full_disk(self):
        with open('/dev/full', 'wb') as full:
            self.fails(self.run_it('help', stdout=full), 6, 'cannot write to standard output: No space left on device')

    def test_store_over_the_limit(self):
        """No room in the session's file: the answer is printed all the same, the status tells."""
        command = f'ulimit -f 1; exec {IVCHAT} ask -m {TINY} -n 800 hi'
        result = subprocess.run(['sh', '-c', command], stdin=subprocess.DEVNULL, capture_output=True, env=self.env,
                                cwd=self.dir)
        path = self.sessions()[0]
        self.assertEqual(result.stderr.decode().splitlines()[0], f"ivchat: cannot write '{path}': File too large")
        self.assertEqual(result.returncode, 6)
        self.assertGreater(len(result.stdout), 600)
        self.assertEqual([r['t'] for r in self.records()[:2]], ['session', 'user'])

    def test_store_that_cannot_be_made(self):
        self.home.write_text('a file, not a folder')
        result = self.ask('-n', '2', 'hi')
        self.assertEqual(result.returncode, 6)
        self.assertIn(f'{self.home}', result.stderr.decode())
        self.assertIsNone(json.loads(self.ask('-n', '2', '--json', 'hi').stdout)['session'])

    def test_no_home(self):
        del self.env['HOME'], self.env['IVCHAT_HOME']
        self.fails(self.ask('hi'), 6, 'no place to keep conversations: HOME is not set')


class Session(ProgramTest):
    def test_no_such_session(self):
        for args in ['show', 'x'], ['path', 'x'], ['rename', 'x', 'y'], ['rm', '-f', 'x'], \
                ['ask', '-m', TINY, '-s', 'x', 'hi']:
            with self.subTest(args=args):
                self.fails(self.run_it(*args), 3, "no session 'x'")

    def test_unreadable_line(self):
        self.good(self.ask('-n', '2', 'first'))
        path = self.sessions()[0]
        lines = path.read_bytes().splitlines(keepends=True)
        path.write_bytes(b''.join(lines[:2]) + b'{"t":"note", broken\n' + b''.join(lines[2:]))
        result = self.run_it('show', 'last')
        self.assertEqual(result.returncode, 0)
        self.assertEqual(result.stderr.decode(),
                         f'ivchat: session {path.stem}: 1 line could not be read and is left out\n')
        self.assertIn('first', result.stdout.decode())

    def test_unreadable_first_line(self):
        """The session is refused, but nobody is told that there is none."""
        self.good(self.ask('-n', '2', 'first'))
        path = self.sessions()[0]
        path.write_bytes(b'garbage\n' + path.read_bytes())
        for which in path.stem, 'last':
            self.fails(self.run_it('show', which), 3, f"'{path}' is not a session: its first line cannot be read")
        self.assertEqual(self.good(self.run_it('ls')), f'{path.stem}\t\t0\t0\t(its first line cannot be read)\n')
        self.good(self.ask('-n', '2', 'second'))
        self.assertIn('second', self.good(self.run_it('show', 'last')))
        path.write_bytes(b'')
        self.assertNotIn(path.stem, self.good(self.run_it('ls')))

    def test_hint_of_what_is_stored(self):
        """Only an answer that is not on the disk is said to be lost."""
        (self.home / 'state' / 'last').mkdir(parents=True)
        result = self.ask('-n', '2', 'first')
        self.assertEqual(result.stderr.decode(), f"ivchat: cannot write '{self.home}/state/last': Is a directory\n")
        self.assertEqual(result.returncode, 6)
        self.assertEqual(self.records()[-1]['t'], 'answer')

    def test_second_writer(self):
        writer = self.start('ask', '-m', TINY, '-n', '16000', 'first')
        try:
            self.wait_for_part(writer)
            session = self.sessions()[0].stem
            for args in ['ask', '-m', TINY, '-c', 'second'], ['rename', session, 'x'], ['rm', '-f', session]:
                with self.subTest(args=args):
                    self.fails(self.run_it(*args), 6, 'this session is open in another terminal: process '
                               f"{writer.pid} on '{socket.gethostname()}' writes it")
            self.assertIn('first', self.good(self.run_it('show', session)))
        finally:
            writer.kill()
            writer.communicate()


class CommandLine(ProgramTest):
    def test_words_that_mean_nothing(self):
        self.fails(self.run_it('tokenise'), 2, "'tokenise' is neither a subcommand nor a picture file",
                   "ivchat tokenize, or to ask something: ivchat ask 'tokenise'")
        self.fails(self.run_it('what is this'), 2, "'what is this' is neither a subcommand nor a picture file",
                   "ivchat ask 'what is this'")
        (self.dir / 'engine').mkdir()
        self.fails(self.run_it('engine'), 2, "'engine' is neither a subcommand nor a picture file", "ivchat ask 'engine'")

    def test_unknown_option(self):
        self.fails(self.run_it('ask', '--modle', 'x'), 2, "unknown option '--modle'", '--model')
        self.fails(self.run_it('ls', '--frobnicate'), 2, "unknown option '--frobnicate'", 'ivchat ls --help')
        self.fails(self.run_it('--frobnicate'), 2, "unknown option '--frobnicate'", 'ivchat chat --help')
        self.fails(self.run_it('--serve-link'), 2, '--serve-link is not for people: ivchat starts itself so, when it has lost a GPU')

    def test_no_terminal(self):
        self.fails(self.run_it('-m', TINY), 2, 'the chat needs a terminal, and standard input is none',
                   'ivchat ask [TEXT...]')
        self.fails(self.run_it('chat'), 2, 'the chat needs a terminal, and standard input is none')
        self.fails(self.run_it('rm', 'x'), 3, "no session 'x'")

    def test_locale_that_is_not_utf8(self):
        self.env['LC_ALL'] = 'C'
        status, said = in_terminal([IVCHAT, '-m', TINY], self.env, self.dir, read_all)
        self.assertEqual(status, 2)
        self.assertEqual(said.decode().splitlines(), [
            'ivchat: the chat needs a UTF-8 locale, and this one is ANSI_X3.4-1968', 'try: ivchat --plain, or in a UTF-8 locale: LC_ALL=C.UTF-8 ivchat'])

    def test_plan(self):
        """The figures of the files' headers, and their sum."""
        said = self.good(self.run_it('model', 'plan', TINY, '--ctx', '4096', '--threads', '1'))
        figures = dict(re.findall(r'(?m)^(\w+)(?: space)? +(\d+\.\d) MiB', said))
        self.assertRegex(said, r'(?m)^device +cpu, 1 thread$')
        self.assertRegex(said, r'(?m)^kv .* for 4096 tokens$')
        self.assertRegex(said, r'(?m)^margin .*it fits$')
        self.assertAlmostEqual(sum(float(figures[k]) for k in ('weights', 'kv', 'work')), float(figures['sum']), delta=0.2)
        more = self.good(self.run_it('model', 'plan', TINY, '--threads', '1'))
        self.assertAlmostEqual(float(re.search(r'(?m)^kv +(\d+\.\d) MiB', more)[1]) / float(figures['kv']), N_CTX / 4096,
                               delta=0.1)

    def test_gpus_that_are_not_there(self):
        """Asked for, a GPU that is not there is no reason to compute elsewhere; nor are packed weights."""
        self.env['CUDA_VISIBLE_DEVICES'] = ''
        for command in ['model', 'plan'], ['ask', 'hi'], ['bench'], ['bench', '--random-weights', '40b']:
            result = self.run_it(*command, '-m', TINY, '--gpus', '0')
            self.assertEqual((result.returncode, result.stdout), (5, b''), command)
            self.assertRegex(result.stderr.decode(), r'^ivchat: (there is no GPU 0: .*|.*built without CUDA.*|.*made up on a GPU: .*)\n')
        for command in ['model', 'plan'], ['ask', 'hi']:
            self.fails(self.run_it(*command, '-m', TINY, '--gpus', 'none', '--quant', 'int8'), 2,
                       '--quant is for GPUs: the CPU computes with the weights as they are stored', '--quant auto')

    def test_operands_that_are_wrong(self):
        self.fails(self.run_it('show'), 2, 'show needs one session', 'ivchat show last')
        self.fails(self.run_it('path', 'a', 'b'), 2, 'path needs one session')
        self.fails(self.run_it('rename', 'a'), 2, 'rename needs a session and a name')
        self.fails(self.run_it('rm'), 2, 'rm needs a session')
        self.fails(self.run_it('ls', 'x'), 2, "ls takes no operand: 'x'")
        self.fails(self.run_it('model', 'plam'), 2, 'model needs one of: info, check, plan, quantize, synth; and at most one folder')
        self.fails(self.run_it('help', 'nothing'), 2, "no help on 'nothing'")

    def test_subcommand_after_options(self):
        self.assertEqual(self.good(self.run_it('-m', TINY, 'model', 'check')), WHOLE)

    def test_help_and_version(self):
        for args in ['--help'], ['help'], ['ask', '--help'], ['help', 'ask'], ['help', 'keys'], ['help', 'slash'], \
                ['help', 'options'], ['--version'], ['ask', '-V']:
            self.assertGreater(len(self.good(self.run_it(*args))), 20)
        self.assertEqual(self.good(self.run_it('ask', '-h')), self.good(self.run_it('help', 'ask')))

    def options_of(self, *topic):
        lines = self.good(self.run_it('help', *topic)).splitlines()
        return {word.strip(' ,') for line in lines for word in line[:30].split() if word.startswith('--')}

    def test_help_and_manual_name_the_same(self):
        """Every option is in the help of a command that takes it, and in the manual; every command too."""
        overview = self.good(self.run_it('help'))
        commands = [line.split()[0] for line in overview.split('commands:\n')[1].split('\n\n')[0].splitlines()
                    if line[2] != ' ']
        self.assertGreater(len(commands), 14)
        everything = self.options_of('options')
        self.assertEqual(set().union(*(self.options_of(command) for command in commands)), everything)
        manual = (SOURCE / 'man' / 'ivchat.1').read_text()
        named = {'--' + name for name in re.findall(r'Fl Fl ([a-z-]+)', manual)}
        self.assertEqual(named, everything)
        for command in commands:
            self.assertRegex(manual, rf'(?m)^\.\S+ .*\b{command}\b')


if __name__ == '__main__':
    main()
