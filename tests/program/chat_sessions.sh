#!/bin/sh
# Going from one conversation to another, and what a second writer is told.
. "${srcdir:-.}/tests/program/chat-lib.sh"

screen 100x32 -n 8 --name fish <<'KEYS'
wait "/help"
say "about fish"
wait "[cut at 8]" 60
say "/new birds"
gone "about fish"
say "about birds"
wait "[cut at 8]" 60
say "/rename crows"
wait "crows"
key C-o
wait "fish"
type "fish"
wait "Sessions: fish"
key Enter
wait "about fish"
expect-no-text "about birds"
say "/sessions crows"
wait "about birds"
key C-d
expect-exit 0
KEYS

# What another process writes is read along, live, and not changed; when that one has let it go, it is written here.
( cd "$work" && python3 "$term_shot" --terminal none -g 80x24 --timeout 300 -o "$work/out2" \
	-e 'wait "about fish"' -e 'run touch held' -e 'run while test -e held; do sleep 0.1; done' \
	-e 'type "live words"' -e 'wait "> live words"' -e 'key Enter' -e 'waitre "live words[\s\S]*cut at 8" 60' \
	-e 'run touch said' -e 'run while test -e said; do sleep 0.1; done' -e 'key C-d' \
	-e 'expect-exit 0' -- "$ivchat" -n 8 -s fish >"$work/holder.log" 2>&1 ) &
holder=$!
while [ ! -e "$work/held" ] && kill -0 $holder; do sleep 0.1; done
"$ivchat" path fish >/dev/null || { echo "no session fish"; exit 1; }
"$ivchat" ask -s fish "not from here" && { echo "two writers"; exit 1; }
screen 100x40 -n 8 -s crows <<'KEYS'
wait "about birds"
say "/sessions fish"
wait "open in another terminal"
expect-text "about fish"
say "mine"
wait "! this session is open in another terminal"
expect-text "> mine"
key C-c
say "/rename whale"
waitre "(! this session is open in another terminal[\s\S]*){2}"
key C-c
run rm held
waitre "live words[\s\S]*cut at 8" 60
run while ! test -e said; do sleep 0.1; done
run rm said
wait "has let this session go"
say "taken over"
waitre "live words[\s\S]*taken over[\s\S]*cut at 8" 60
key C-d
expect-exit 0
KEYS
wait $holder || { cat "$work/holder.log"; exit 1; }
"$ivchat" show fish | grep -q "taken over" || { echo "not written by the second"; exit 1; }
"$ivchat" show fish | grep -q "mine" && { echo "written by the second before it could"; exit 1; }

# a lock of another host: asked
echo "elsewhere 4711 99" >"$(dirname "$("$ivchat" path fish)")/$(basename "$("$ivchat" path fish)" .jsonl).lock"
screen 100x40 -n 8 -s fish <<'KEYS'
wait "process 4711 on 'elsewhere'"
wait "It is gone: take the session over"
key Escape
gone "It is gone"
say "still not"
wait "! this session is open in another terminal"
key C-c
key C-d
expect-exit 0
KEYS
screen 100x40 -n 8 -s fish <<'KEYS'
wait "It is gone: take the session over"
key Down
key Enter
gone "It is gone"
say "gone on with"
waitre "gone on with[\s\S]*cut at 8" 60
key C-d
expect-exit 0
KEYS
screen 100x32 -s nowhere <<'KEYS'
expect-exit 3
KEYS
