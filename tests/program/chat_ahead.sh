#!/bin/sh
# chat_ahead.sh: what is computed while the person types changes no answer: the same text with and without it, recorded so
# that it verifies, and only its share of the cache is larger.
. "${srcdir:-.}/tests/program/chat-lib.sh"

picture red.ppm 120 20 20

# answers ON|OFF: a picture, two questions, both verified; then the session once more, and a question about it
answers() {
	export IVCHAT_HOME="$work/home-$1"
	screen 100x30 --set "engine.ahead=$1" -n 24 <<'KEYS'
wait "> "
type "/image red.ppm"
key Enter
wait "[#1 red.ppm"
sleep 1
say "What is it?"
wait "[cut at 24]"
say "/verify"
wait "turn 1: same 24"
sleep 1
say "And now?"
waitre "cut at 24[\s\S]*cut at 24"
say "/verify"
wait "2 answers are the same, 0 differ"
key C-d
expect-exit 0
KEYS
	screen 100x30 --set "engine.ahead=$1" -n 24 -c <<'KEYS'
wait "And now?"
waitre "ctx \d+"
sleep 1
say "Once more?"
waitre "Once more\?[\s\S]*cut at 24"
key C-d
expect-exit 0
KEYS
	"$ivchat" replay --verify last >"$work/verdicts-$1" || { cat "$work/verdicts-$1"; exit 1; }
	[ "$(grep -c 'same 24' "$work/verdicts-$1")" = 3 ] || { cat "$work/verdicts-$1"; exit 1; }
	"$ivchat" export --format json last >"$work/$1.json" || exit 1
}

answers on
answers off
python3 -B - "$work" <<'PY'
import json, sys
on, off = ([m for m in json.load(open(f'{sys.argv[1]}/{name}.json'))['messages'] if 'ids' in m] for name in ('on', 'off'))
assert [m['ids'] for m in on] == [m['ids'] for m in off], 'the answers differ'
assert [m['prompt'] for m in on] == [m['prompt'] for m in off], 'the prompts differ'
reused = [[m['reused'] for m in which] for which in (on, off)]
print('reused with and without:', *reused)
# the first question with its picture, and the first one after the session was opened again
for turn in 0, 2:
    assert reused[1][turn] == 0 and on[turn]['prompt'] - reused[0][turn] < 40, f'turn {turn + 1}'
PY
