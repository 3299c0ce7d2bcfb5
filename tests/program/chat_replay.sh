#!/bin/bash
# chat_replay.sh: a session with known times, played on the screen: time, pause, steps, jumps, branches, search, pictures,
# and going on in a fork.
. "${srcdir:=.}/tests/program/chat-lib.sh"

picture red.ppm 100 10 10
"$ivchat" ask -q -n 1 -i "$work/red.ppm" "unused" >/dev/null || exit 99
sha=$(basename "$(find "$IVCHAT_HOME/data/pictures" -type f)" | sed 's/\..*//')
ask_session=$("$ivchat" path last)
digest=$(sed -n 's/.*"digest":"\([0-9a-f]*\)".*/\1/p' "$ask_session" | head -n 1)
"$ivchat" rm -f last

# Two turns; the first answer comes in 10 tokens, one a second from the first second on, and has a sibling.
id=20260101-120000-abcd
mkdir -p "$IVCHAT_HOME/data/sessions/2026"
file=$IVCHAT_HOME/data/sessions/2026/$id.jsonl
ids=1,1,1,1,1,1,1,1,1,1
cat >"$file" <<END
{"t":"session","v":1,"id":"$id","made":"2026-01-01T12:00:00.000Z","app":"0.1.0","model":{"name":"tiny","digest":"$digest"}}
{"t":"user","id":1,"up":0,"at":"2026-01-01T12:00:00.000Z","pics":[{"n":1,"sha":"$sha","name":"red.ppm","w":160,"h":120,"type":"image/x-portable-pixmap"}],"text":"first question"}
{"t":"answer","id":2,"up":1,"at":"2026-01-01T12:00:00.000Z","stop":"eos","sampling":{},"seed":0,"ids":[$ids],"ms":[1000,2000,3000,4000,5000,6000,7000,8000,9000,10000],"text":"a0b1c2d3e4f5g6h7i8j9"}
{"t":"user","id":3,"up":2,"at":"2026-01-01T13:00:00.000Z","pics":[],"text":"second question"}
{"t":"answer","id":4,"up":3,"at":"2026-01-01T13:00:00.000Z","stop":"length","sampling":{"max_tokens":2},"seed":0,"ids":[1,1],"ms":[100,200],"text":"KKLL"}
{"t":"answer","id":5,"up":1,"at":"2026-01-01T14:00:00.000Z","stop":"eos","sampling":{},"seed":0,"ids":[1,1],"ms":[500,1000],"text":"other branch"}
{"t":"head","id":4}
END

# 10 s of the first answer, 2 s instead of the hour between, 0.2 s of the second.
screen 80x24 replay --images sixel last <<'END'
wait "first question" 10
wait-image 1 10
wait "0:00/0:12" 5
key Space
wait "paused" 5
key 5
wait "a0b1c2d3e4f5" 5
settle
expect-text "0:06/0:12"
expect-no-text "g6"
key .
wait "f5g6" 5
expect-text "0:07/0:12"
key ,
gone "g6" 5
expect-text "f5"
key ,
gone "f5" 5
key Right
wait "i8j9" 5
expect-text "0:10/0:12"
key Left
gone "f5" 5
expect-text "0:05/0:12"
type "G"
wait "KKLL" 5
expect-text "[cut at 2]"
expect-text "second question"
type "g"
gone "second question" 5
expect-text "first question"
expect-no-text "a0"
type "]"
wait "second question" 5
expect-text "i8j9"
type "["
gone "second question" 5
expect-no-text "a0"
type "/LL"
wait "/LL" 5
key Enter
wait "KKLL" 5
type "/nothing"
wait "/nothing" 5
key Enter
wait "that is not said" 5
type ">"
wait "branch 2" 5
gone "second question" 5
expect-text "other branch"
type ">"
wait "this is the last branch" 5
type "<"
wait "branch 1" 5
key F1
wait "to so many tenths of the whole" 5
key q
gone "to so many tenths" 5
type "P"
gone "KKLL" 5
type "q"
expect-exit 0
END

# Once at its end: nothing moves by itself any more; speed 0 is there at once.
screen 60x20 replay --images none --speed 0 last <<'END'
wait "KKLL" 10
wait "end 0:12/0:12" 5
type "q"
expect-exit 0
END

# Time goes on by itself, as fast as it is told.
screen 60x20 replay --images none --speed 10 --from 2 last <<'END'
wait "KKLL" 10
expect-no-text "a0"
wait "end" 5
type "q"
expect-exit 0
END

# On from here: a fork with what was on the screen, in the chat.
screen 80x24 replay --images none --speed 0 --to 1 last <<'END'
wait "i8j9" 10
type "c"
wait "ctx" 20
wait "i8j9" 5
key C-d
expect-exit 0
END
new=$("$ivchat" path last)
[ "$new" != "$file" ] || { echo "no fork was made"; exit 1; }
grep -q "\"origin\":\"$id\"" "$new" || { echo "the fork does not name its origin"; exit 1; }
[ "$(grep -c '"t":"answer"' "$new")" = 1 ] || { echo "the fork has other answers"; exit 1; }

# What the chat said, with its past kept from turn to turn, another answer and one that was stopped, verifies.
screen 100x32 --name rounds "$work/red.ppm" -n 30 -t 1.1 --seed 5 <<'END'
wait "/help"
say "one"
wait "[cut at 30]" 60
say "two is longer than one, and goes on and on"
wait "ctx" 5
say "/regen 0.9"
wait "[2/2]" 60
say "/undo"
wait "> two is longer" 10
key C-c
gone "two is longer" 10
say "/set max_tokens 15000"
say "/set temp 0"
say "three"
wait "answering" 20
key C-c
wait "[stopped]" 20
key C-d
expect-exit 0
END
"$ivchat" replay --verify rounds >"$work/verdicts" || { cat "$work/verdicts"; exit 1; }
[ "$(grep -c ': same [1-9]' "$work/verdicts")" = 4 ] || { cat "$work/verdicts"; echo "not 4 times the same"; exit 1; }
