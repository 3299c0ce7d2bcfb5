# sessions.py: session files made by hand, as the program itself writes them, for tests of what looks after sessions.
import hashlib
import json

MADE = '2026-08-23T14:15:03.000Z'
SAMPLING = {'max_tokens': 512, 'top_k': 0, 'temp': 0, 'top_p': 1, 'repeat_penalty': 1}


def line(**record):
    return json.dumps(record, ensure_ascii=False, separators=(',', ':')) + '\n'


def head(sid, made=MADE):
    return line(t='session', v=1, id=sid, made=made, app='0.1.0', model={'name': 'tiny', 'digest': 'ab'})


def user(mid, up, text, at=MADE, pics=()):
    return line(t='user', id=mid, up=up, at=at, pics=list(pics), text=text)


def answer(mid, up, text, at=MADE, **more):
    return line(t='answer', id=mid, up=up, at=at, stop=more.pop('stop', 'eos'), **{
        **({'cont': more.pop('cont')} if 'cont' in more else {}), 'sampling': SAMPLING, 'seed': 1, 'ids': [], **more,
        'text': text})


def part(mid, up, text, at=MADE):
    return line(t='part', id=mid, up=up, at=at, text=text)


def note(up, text, at=MADE):
    return line(t='note', up=up, at=at, text=text)


def tag(name, on=True, at=MADE):
    return line(t='tag', on=on, at=at, tag=name)


def put(home, sid, *records):
    """The session file of these records, in the store of this home."""
    path = home / 'data' / 'sessions' / sid[:4] / f'{sid}.jsonl'
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes((head(sid) + ''.join(records)).encode())
    return path


def put_picture(home, data, n=1, name='a.png'):
    """Stores the bytes; returns what a message says of them."""
    sha = hashlib.sha256(data).hexdigest()
    path = home / 'data' / 'pictures' / sha[:2] / f'{sha}.png'
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return {'n': n, 'sha': sha, 'name': name, 'w': 5, 'h': 3, 'type': 'image/png'}
