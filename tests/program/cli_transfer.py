#!/usr/bin/env python3
# cli_transfer.py: sessions out of the store and in again: every format, what is in the way, what cannot be imported.
import base64
import html.parser
import json
import sys

sys.dont_write_bytecode = True
from program import ProgramTest, main, png
from sessions import answer, line, note, part, put, put_picture, tag, user

SESSION = '20260823-141503-7f3a'
PNG = png(5, 3)


class TransferTest(ProgramTest):
    def put_rich(self):
        """All that a session can hold: branches, a killed answer, a continued one, settings, hostile text."""
        pic = put_picture(self.home, PNG, name='a & <b>.png')
        put(self.home, SESSION, line(t='system', up=0, at='', text='Be brief.'),
            user(1, 0, 'What is <script>x</script>?\t\u001b[31m\u0000', pics=[pic]),
            answer(2, 1, 'A **cat', stop='length', ids=[5, 6], ms=[10, 20], build='b', gpu='cpu',
                   reused=3, segs=[['prefill', 0, 3], ['prefill', 3, 9], ['decode', 9, 11]]),
            answer(3, 1, 'A **cat**.\n猫', cont=2, given=2, ids=[5, 6, 7, 8], ms=[10, 20, 900, 1000]),
            user(4, 3, 'more'), part(5, 4, 'kil'), part(5, 4, 'led'), user(6, 3, 'other', at='2026-08-23T14:16:03.000Z'),
            note(2, 'half a <cat>\n\u001b[2J'), note(4, 'dead'),
            line(t='system', up=6, at='', text=None), line(t='drop', up=3, at='', ids=[1]), line(t='pin', id=4, on=True, at=''), tag('work'), tag('猫'), line(t='name', at='', name='my cat'),
            line(t='head', id=3, at=''))

    def export(self, *args):
        return self.good(self.run_it('export', 'last', *args))


class Export(TransferTest):
    def test_text(self):
        self.put_rich()
        self.assertEqual(self.export('--format', 'txt'), f'''\
{SESSION}  my cat
2026-08-23 14:15 UTC · tiny · 1 turn · +work · +猫

User:
[#1 a & <b>.png 5x3 sha {self.sha()[:6]}]
What is <script>x</script>?\t\x1b[31m\0

Assistant:
A **cat**.
猫

Note:
half a <cat>
\x1b[2J
''')
        every = self.export('--format', 'txt', '--branch', 'all')
        self.assertIn('(4) User:\nmore\n\nNote:\ndead\n\n(5) Assistant:\nkilled [interrupted]\n\n'
                      '(6, below 3) User:\nother\n', every)
        self.assertNotIn('[cut at', every)      # another answer has all of it

    def sha(self):
        return next(self.home.glob('data/pictures/*/*.png')).stem

    def test_markdown(self):
        self.put_rich()
        sha = self.sha()
        self.assertTrue(self.export().endswith('\n## Note\n\nhalf a <cat>\n\x1b[2J\n'))
        self.assertIn(f'*\\[\\#1 a \\& \\<b\\>.png 5x3 sha {sha[:6]}\\]*\n', self.export())
        self.assertEqual(self.export('-o', 'out.md'), '')
        copy = self.dir / 'out.md.pictures' / f'1-{sha[:12]}.png'
        self.assertEqual(copy.read_bytes(), PNG)
        self.assertIn(f'](out.md.pictures/1-{sha[:12]}.png)\n', (self.dir / 'out.md').read_text())
        self.assertIn(f'](data:image/png;base64,{base64.b64encode(PNG).decode()})\n', self.export('--embed'))

    def test_page(self):
        """Only the markup that is meant; nothing to run, nothing to fetch."""
        self.put_rich()
        self.export('-o', 'out.html')
        tags, links = [], []

        class Reader(html.parser.HTMLParser):
            def handle_starttag(self, name, attributes):
                tags.append(name)
                links.extend(value for key, value in attributes if key in ('src', 'href'))
        page = (self.dir / 'out.html').read_text()
        Reader().feed(page)
        self.assertEqual(set(tags), {'html', 'head', 'meta', 'title', 'style', 'body', 'main', 'header', 'h1', 'p', 'article',
                                     'h2', 'a', 'figure', 'img', 'figcaption', 'div', 'strong', 'br', 'aside', 'span'})
        self.assertTrue(all(link.startswith(('data:image/png;base64,', '#m')) for link in links), links)
        self.assertIn('What is &lt;script&gt;x&lt;/script&gt;?', page)
        self.assertIn('^[[31m^@', page)
        self.assertIn('>half a &lt;cat&gt;\n^[[2J</div>\n</aside>', page)
        self.assertNotIn('\x1b', page)
        self.assertIn('<p>A <strong>cat</strong>.<br>\n猫</p>', page)

    def test_recording(self):
        self.put_rich()
        header, *events = [json.loads(text) for text in self.export('--format', 'cast').splitlines()]
        self.assertEqual((header['version'], header['width'], header['timestamp'], header['title']),
                         (2, 80, 1787494503, 'my cat'))
        times = [event[0] for event in events]
        self.assertEqual(times, sorted(times))
        self.assertEqual({kind for _, kind, _ in events}, {'o'})
        said = ''.join(text for _, _, text in events)
        self.assertIn('\x1bPq', said)
        self.assertIn('^[[31m^@', said)
        self.assertIn('A **cat**.\r\n猫', said)
        self.assertIn('Note\x1b[0m\r\nhalf a <cat>\r\n^[[2J\r\n\r\n', said)
        self.assertEqual(times[-1], 1.0)
        self.assertGreaterEqual(len({time for time in times}), 4)

    def test_files_are_not_overwritten(self):
        self.put_rich()
        (self.dir / 'out.md').write_text('mine')
        self.fails(self.run_it('export', 'last', '-o', 'out.md'), 6, "'out.md' is already there", '-f overwrites it')
        self.assertEqual((self.dir / 'out.md').read_text(), 'mine')
        self.assertFalse((self.dir / 'out.md.pictures').exists())
        self.export('-f', '-o', 'out.md')
        self.assertTrue((self.dir / 'out.md').read_text().startswith('# my cat\n'))
        self.export('-f', '-o', 'out.md')
        (self.dir / 'out.md').unlink()
        self.assertEqual(self.run_it('export', 'last', '-o', 'out.md').returncode, 6)
        self.fails(self.run_it('export', 'last', '-o', 'no/out.txt'), 6, "cannot write 'no/out.txt': No such file or directory")

    def test_picture_is_gone(self):
        self.put_rich()
        next(self.home.glob('data/pictures/*/*.png')).unlink()
        for name in 'html', 'cast', 'md':
            result = self.run_it('export', 'last', '-o', f'out.{name}')
            self.assertEqual(result.returncode, 0)
            self.assertEqual(result.stderr.decode(), 'ivchat: 1 picture is not in the store: only the name is exported\n')
            self.assertIn('a &amp; &lt;b&gt;.png' if name == 'html' else 'a ', (self.dir / f'out.{name}').read_text())

    def test_usage(self):
        self.fails(self.run_it('export'), 2, 'export needs one session')
        self.fails(self.run_it('export', 'none'), 3, "no session 'none'")
        self.assertEqual(self.run_it('export', 'last', '--format', 'pdf').returncode, 2)


class Import(TransferTest):
    def test_round_trip(self):
        """Export, import into an empty store, export: the same but for the id and when the session was made."""
        self.put_rich()
        first = json.loads(self.export('--format', 'json', '--embed'))
        self.export('--embed', '-o', 'out.json')
        new = self.dir / 'new'
        self.env['IVCHAT_HOME'], self.home = str(new), new
        sid = self.good(self.run_it('import', 'out.json')).strip()
        second = json.loads(self.good(self.run_it('export', sid, '--format', 'json', '--embed')))
        self.assertEqual(second['id'], sid)
        for key in 'id', 'made':
            del first[key], second[key]
        self.assertEqual(first, second)
        self.assertEqual((first['messages'][2]['cont'], first['messages'][2]['given']), (2, 2))
        self.assertEqual((first['messages'][1]['reused'], first['messages'][1]['prompt']), (3, 9))
        self.assertEqual((first['drops'], first['messages'][3]['pinned']), ([{'up': 3, 'on': True, 'ids': [1]}], True))
        self.assertEqual([(n['up'], n['text']) for n in first['notes']], [(2, 'half a <cat>\n\x1b[2J'), (4, 'dead')])
        self.assertEqual([m['stop'] for m in first['messages'] if m['role'] == 'answer'], ['length', 'eos', 'part'])
        self.assertEqual(self.good(self.run_it('ls', '--check')), '')

    def test_without_bytes(self):
        self.put_rich()
        self.export('-o', 'out.json')
        self.assertEqual(len(self.good(self.run_it('import', 'out.json')).split()), 1)
        next(self.home.glob('data/pictures/*/*.png')).unlink()
        result = self.run_it('import', 'out.json')
        self.assertEqual((result.returncode, result.stderr.decode()),
                         (0, "ivchat: 'out.json': 1 picture is neither in the file nor in the store\n"))

    def imported(self, value):
        (self.dir / 'in.json').write_text(value if isinstance(value, str) else json.dumps(value))
        return self.run_it('import', 'in.json')

    def test_list(self):
        uri = 'data:image/png;base64,' + base64.b64encode(PNG).decode()
        messages = [{'role': 'system', 'content': 'Be brief.'},
                    {'role': 'user', 'content': [{'type': 'text', 'text': 'what is'}, {'type': 'image_url', 'image_url': {'url': uri}},
                                                 {'type': 'text', 'text': 'this?'}]},
                    {'role': 'assistant', 'content': 'a 猫'}, {'role': 'user', 'content': ''}]
        for value in messages, {'messages': messages, 'other': 1}:
            sid = self.good(self.imported(value)).strip()
            got = json.loads(self.good(self.run_it('export', sid, '--format', 'json', '--embed')))
            self.assertEqual([(m['role'], m['text']) for m in got['messages']],
                             [('user', 'what is\nthis?'), ('answer', 'a 猫'), ('user', '')])
            self.assertEqual(base64.b64decode(got['messages'][0]['pics'][0]['data']), PNG)
            self.assertEqual(got['systems'], [{'up': 0, 'text': 'Be brief.'}])
        self.good(self.imported('\ufeff' + json.dumps(messages)))

    def refuse(self, value, why):
        self.fails(self.imported(value), 3, f"'in.json'{why}")
        self.assertFalse((self.home / 'data').exists())

    def test_bad_lists(self):
        self.refuse('{', " line 1: not JSON: string or '}' expected near end of file")
        self.refuse('[]', ': has no messages')
        self.refuse('{}', ': neither an exported session nor a list of {"role", "content"}')
        self.refuse([1], ': messages[0]: must be {"role": …, "content": …}')
        self.refuse([{'role': 'user'}], ': messages[0].content: must be text or a list of parts')
        self.refuse([{'role': 'tool', 'content': ''}],
                    ': messages[0].role: is "tool"; known are "system", "user", "assistant"')
        for url in 'https://example.org/a.png', 'data:text/plain;base64,AA', 'data:image/png,AA', '', 'data:image/', 7:
            self.refuse([{'role': 'user', 'content': [{'type': 'image_url', 'image_url': {'url': url}}]}],
                        ': messages[0].content[0]: only pictures as data:image/…;base64 can be imported: nothing is fetched')
        self.refuse([{'role': 'user', 'content': [{'image_url': 'data:image/png;base64,A*'}]}],
                    ': messages[0].content[0]: is not base64')
        self.assertEqual(self.imported('[' * 100000).returncode, 3)
        self.assertEqual(self.imported([{'role': 'user', 'content': [{'image_url': 'data:image/png;base64,AAAA'}]}]).returncode, 3)
        self.fails(self.run_it('import', 'no.json'), 3, "cannot open 'no.json': No such file or directory")
        self.fails(self.run_it('import'), 2, 'import needs a file', 'ivchat import talk.json')

    def test_bad_sessions(self):
        self.put_rich()
        good = self.export('--format', 'json', '--embed')
        new = self.dir / 'new'
        self.env['IVCHAT_HOME'], self.home = str(new), new

        def refuse(place, why, change):
            value = json.loads(good)
            change(value, value['messages'])
            self.refuse(value, f': {place}: {why}')
        refuse('ivchat', 'must be a whole number from 1 to 1', lambda v, m: v.update(ivchat=2))
        refuse('messages', 'must be a list', lambda v, m: v.update(messages={}))
        refuse('head', 'must be a whole number from 0 to 6', lambda v, m: v.update(head=7))
        refuse('tags', 'must be words without spaces and commas', lambda v, m: v.update(tags=['a b']))
        refuse('name', 'must be text without NUL', lambda v, m: v.update(name='a\0b'))
        refuse('systems[0].up', 'must be a whole number from 0 to 6', lambda v, m: v['systems'][0].update(up=-1))
        refuse('notes', 'must be a list', lambda v, m: v.update(notes='a'))
        refuse('notes[1].up', 'must be a whole number from 0 to 6', lambda v, m: v['notes'][1].update(up=7))
        refuse('notes[0].at', 'must be a time: "2026-08-23T14:15:03.120Z"', lambda v, m: v['notes'][0].pop('at'))
        refuse('notes[0].text', 'must be text', lambda v, m: v['notes'][0].update(text=1))
        refuse('messages[1].id', 'must be a whole number from 2 to 2', lambda v, m: m[1].update(id=1))
        refuse('messages[1].up', 'must be a whole number from 0 to 1', lambda v, m: m[1].update(up=2))
        refuse('messages[1].role', 'must be "user" or "answer"', lambda v, m: m[1].update(role='x'))
        refuse('messages[1].text', 'must be text', lambda v, m: m[1].pop('text'))
        refuse('messages[1].at', 'must be a time: "2026-08-23T14:15:03.120Z"', lambda v, m: m[1].update(at='\x1b[2J'))
        refuse('messages[1].stop', 'must be one of: eos length user context error hangup part',
               lambda v, m: m[1].update(stop='x'))
        refuse('messages[1].ids', 'must be a list of whole numbers from 0 to 2147483647', lambda v, m: m[1].update(ids=[-1]))
        refuse('messages[1].ms', 'must be as long as ids', lambda v, m: m[1].update(ms=[1]))
        refuse('messages[1].sampling.temp', 'must be a number', lambda v, m: m[1]['sampling'].update(temp='x'))
        refuse('messages[1].segs', 'must be a list of [KIND, BEGIN, END, TO]', lambda v, m: m[1].update(segs=[3]))
        refuse('messages[2].cont', 'must be a whole number from 1 to 2', lambda v, m: m[2].update(cont=3))
        refuse('messages[0].pics[0].sha', 'must be a SHA-256 in 64 small hexadecimal digits',
               lambda v, m: m[0]['pics'][0].update(sha='../../x'))
        refuse('messages[0].pics[0].data', 'has other bytes than its sha says',
               lambda v, m: m[0]['pics'][0].update(data=base64.b64encode(png(5, 4)).decode()))


if __name__ == '__main__':
    main()
