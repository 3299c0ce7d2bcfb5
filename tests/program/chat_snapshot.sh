#!/bin/sh
# chat_snapshot.sh: kv.snapshot on the screen: what was computed of a conversation is kept when another one is opened and
# when the chat is left, and reused when it is opened again.
. "${srcdir:-.}/tests/program/chat-lib.sh"

set_on="--set kv.snapshot=on --set engine.ahead=off"

screen 100x30 $set_on -n 8 --name birds <<'KEYS'
wait "> "
say "about birds"
waitre "about birds[\s\S]*cut at 8"
key C-d
expect-exit 0
KEYS
kept="$IVCHAT_HOME/cache/kv/$(basename "$("$ivchat" path birds)" .jsonl)"
[ -f "$kept" ] || { echo "nothing is kept at leaving"; exit 1; }
rm "$kept"
screen 100x30 $set_on -n 8 --name fish <<'KEYS'
wait "> "
say "about fish"
waitre "about fish[\s\S]*cut at 8"
key C-d
expect-exit 0
KEYS

# fish was kept; birds was not, is gone on with, and is kept when fish is opened
export kept
screen 100x30 $set_on -n 8 -s birds <<'KEYS'
wait "about birds"
waitre "ctx \d+"
say "more birds"
waitre "more birds[\s\S]*cut at 8"
say "/info"
waitre "reused +0 of the last"
say "/sessions fish"
wait "about fish"
run while ! test -e "$kept"; do sleep 0.1; done
say "more fish"
waitre "more fish[\s\S]*cut at 8"
say "/info"
waitre "reused +[1-9]\d* of the last"
key C-d
expect-exit 0
KEYS
screen 100x30 $set_on -n 8 -s birds <<'KEYS'
wait "more birds"
waitre "ctx \d+"
say "still birds"
waitre "still birds[\s\S]*cut at 8"
say "/info"
waitre "reused +[1-9]\d* of the last"
key C-d
expect-exit 0
KEYS
for name in birds fish; do
	"$ivchat" replay --verify $name >"$work/verdicts" || { cat "$work/verdicts"; exit 1; }
	grep -q "same 8" "$work/verdicts" || { cat "$work/verdicts"; exit 1; }
done
# not only the beginning that all conversations share
python3 -B - "$("$ivchat" path birds)" "$("$ivchat" path fish)" <<'PY' || exit 1
import json, sys
for path, turn in zip(sys.argv[1:], (2, 1)):
    answers = [r for r in map(json.loads, open(path)) if r['t'] == 'answer']
    begin = answers[turn - 1]['segs'][-1][1]
    assert answers[turn]['reused'] == begin + 7, (path, answers[turn]['reused'], begin)
PY
