#!/bin/sh
# A full context: the person is asked, or turns are dropped, or nothing is sent; what the model does not see is marked,
# after a resume too. The system message takes 47 tokens, a turn here about 75, an answer needs 64 to begin.
. "${srcdir:-.}/tests/program/chat-lib.sh"
picture red.ppm 120 10 10
records() {
	cat "$work"/home/data/sessions/*/*.jsonl
}

screen 100x50 --ctx 280 -n 16 red.ppm <<'KEYS'
wait "[#1"
say "the first question, it has a picture"
waitre "first question[\s\S]*cut at 16" 60
say "the second question, it is to be dropped"
waitre "second question[\s\S]*cut at 16" 60
say "the third question, it is too much for it"
wait "The context is full"
waitre "The context is full, [0-9]+ tokens too many"
waitre "Drop the oldest turn with #1 red.ppm  *./pin keeps a turn"
key Escape
gone "The context is full"
expect-text "> the third question, it is too much for it"
key C-c
say "/pin 1"
wait "[pinned]"
say "the third question, it is too much for it"
wait "The context is full"
expect-no-text "with picture"
key Enter
waitre "third question[\s\S]*cut at 16" 60
waitre "to be dropped +\[dropped\]"
say "/context"
waitre " 0 +turn 2"
say "/drop 1"
wait "this turn is pinned"
key C-c
say "/pin 1"
wait "no longer pinned"
say "/drop 1"
wait "the model does not see what is above"
wait-image 1
say "/drop 1"
gone "the model does not see what is above"
say "/drop 1"
wait "the model does not see what is above"
wait-image 1
say "the fourth question, now there is room for it"
waitre "fourth question[\s\S]*cut at 16" 60
say "the fifth question, it is too much for it"
wait "The context is full"
key Down Down
key Enter
gone "third question"
waitre "fifth question[\s\S]*cut at 16" 60
key C-d
expect-exit 0
KEYS
test "$(records | grep -c '"t":"drop"')" = 4 || { echo "not four drops: $(records | grep drop)"; exit 1; }
records | grep -q '"t":"drop","up":4,.*"ids":\[3\]' || { echo "not the second turn"; exit 1; }
records | grep -q '"t":"pin","id":1,"on":true' || { echo "the pin is not stored"; exit 1; }
test "$(records | grep -c '"t":"session"')" = 2 || { echo "no new session"; exit 1; }
"$ivchat" ls | grep -q "first question" || { echo "the first session is lost"; exit 1; }

# the rule is there again, between what the model sees and what it does not
screen 100x50 -s last~1 --ctx 280 -n 16 <<'KEYS'
waitre "first question[\s\S]*to be dropped[\s\S]*does not see what is above[\s\S]*third question"
say "/context"
waitre " 0 +turn 1[\s\S]* 0 +turn 2[\s\S]*turn 3"
key C-d
expect-exit 0
KEYS
rm -r "$work/home"

# drop: without asking, and only as much as is needed; stop: nothing is sent, the text stays
screen 100x50 --ctx 280 -n 16 <<'KEYS'
wait "/help"
say "/set overflow drop"
wait "overflow = drop"
say "the first question, it is to be dropped"
waitre "first question[\s\S]*cut at 16" 60
say "the second question, it is to be kept"
waitre "second question[\s\S]*cut at 16" 60
say "the third question, it takes its place"
waitre "first question[\s\S]*does not see what is above[\s\S]*second[\s\S]*third question[\s\S]*cut at 16" 60
say "/undo"
wait "> the third question, it takes its place"
key C-c
say "/set overflow stop"
wait "overflow = stop"
say "now a message that is longer than it may be, stop"
say "now a message that is longer than it may be, stop"
wait "not sent:"
expect-text "> now a message that is longer than it may be, stop"
key C-c
key C-d
expect-exit 0
KEYS
test "$(records | grep -c '"t":"drop"')" = 1 || { echo "not one drop"; exit 1; }
