#!/usr/bin/env python3
# bench_search.py [N]: how long searches over N (10,000) sessions take, warm. Not a test: it asserts nothing.
#
# Sessions are of five turns with 200 tokens an answer, in English and Chinese, as the program itself writes them.
import json
import os
import pathlib
import random
import resource
import subprocess
import sys
import tempfile
import time

IVCHAT = os.path.abspath(os.environ.get('IVCHAT', './ivchat'))
WORDS = ('the a cat dog house tree picture shows left right of and with red green blue small large near under over sky '
         'water people street window table 图片 一只 猫 在 桌子 上 红色 的 房子 天空 里 有 人').split()
SEARCHES = [['zebra'], ['斑马'], ['Zebra'], ['-w', 'zebra'], ['-E', 'zeb(ra|us)'], ['no such words'], ['-l', 'cat'],
            ['cat'], ['Écureuil'], ['--json', '猫']]


def line(**record):
    return json.dumps(record, ensure_ascii=False, separators=(',', ':')) + '\n'


def session(rng, n):
    stamp = time.gmtime(1_700_000_000 + 600 * n)
    sid = time.strftime('%Y%m%d-%H%M%S-', stamp) + f'{n & 0xffff:04x}'
    at = time.strftime('%Y-%m-%dT%H:%M:%S.000Z', stamp)
    out = line(t='session', v=1, id=sid, made=at, app='0.1.0', model={'name': 'bench', 'digest': '0' * 64})
    for turn in range(5):
        ask, answer = 2 * turn + 1, 2 * turn + 2
        text = ' '.join(rng.choices(WORDS, k=200))
        if n % 500 == 0 and turn == 3:
            text += '\na Zebra, 斑马'
        out += line(t='user', id=ask, up=ask - 1, at=at, pics=[], text=' '.join(rng.choices(WORDS, k=12)) + '?')
        out += line(t='answer', id=answer, up=ask, at=at, stop='eos',
                    sampling={'max_tokens': 512, 'top_k': 0, 'temp': 0, 'top_p': 1, 'repeat_penalty': 1}, seed=n,
                    ids=[rng.randrange(64000) for _ in range(200)], ms=list(range(900, 6900, 30)), build='bench',
                    gpu='cpu', segs=[['kept', 0, 0], ['prefill', 0, 300], ['decode', 300, 500]], text=text)
    return sid, out


def cpu_seconds():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main():
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 10000
    rng = random.Random(1)
    with tempfile.TemporaryDirectory() as home:
        size = 0
        for i in range(n):
            sid, text = session(rng, i)
            path = pathlib.Path(home, 'data', 'sessions', sid[:4], sid + '.jsonl')
            path.parent.mkdir(parents=True, exist_ok=True)
            size += path.write_bytes(text.encode())
        print(f'{n} sessions, {size / 1e6:.0f} MB')
        env = dict(os.environ, IVCHAT_HOME=home, LC_ALL='C.UTF-8')
        for args in SEARCHES:
            best, cpu = 1e9, cpu_seconds()
            for _ in range(3):
                start = time.monotonic()
                done = subprocess.run([IVCHAT, 'search', *args], env=env, stdout=subprocess.PIPE)
                best = min(best, time.monotonic() - start)
            print(f'{best:6.3f} s ({(cpu_seconds() - cpu) / 3:.3f} of the CPU)  {len(done.stdout.splitlines()):6} lines  '
                  f'search {" ".join(args)}')


if __name__ == '__main__':
    main()
