#!/bin/sh
# Old messages: editing makes branches, answers go on from their last token, nothing is overwritten.
. "${srcdir:-.}/tests/program/chat-lib.sh"
picture red.ppm 120 10 10

answers() {
	grep '"t":"answer"' "$work"/home/data/sessions/*/*.jsonl
}

# the greedy answer of 24 tokens, and the same one cut at 8 and continued twice, are the same
screen 100x32 -n 24 --name whole <<'KEYS'
wait "/help"
say "tell me"
wait "[cut at 24]" 60
key C-d
expect-exit 0
KEYS
screen 100x32 -n 8 --name parts <<'KEYS'
wait "/help"
say "tell me"
wait "[cut at 8]" 60
say "/continue"
wait "[cut at 16]" 60
say "/continue"
wait "[cut at 24]" 60
expect-no-text "[2/"
say "/regen"
wait "the result would be the same"
key C-c
key C-d
expect-exit 0
KEYS
ids() {
	sed -n 's/.*"t":"answer".*"ids":\[\([0-9,]*\)\].*/\1/p' "$("$ivchat" path $1)" | tail -n 1
}
texts() {
	sed -n 's/.*"t":"answer".*"text":\(.*\)}$/\1/p' "$("$ivchat" path $1)" | tail -n 1
}
test "$(ids whole)" = "$(ids parts)" || { echo "other tokens: $(ids whole) / $(ids parts)"; exit 1; }
test "$(texts whole)" = "$(texts parts)" || { echo "other text: $(texts whole) / $(texts parts)"; exit 1; }
answers | grep -q '"cont":3,"given":16' || { echo "what was continued is not stored"; exit 1; }
rm -r "$work/home"

# a question with its picture comes back, is asked anew beside the old one; Ctrl-C leaves it as it was
screen 100x40 -n 8 red.ppm <<'KEYS'
wait "[#1 red.ppm"
say "first question"
wait "[cut at 8]" 60
say "second question"
waitre "second question[\s\S]*cut at 8" 60
say "/edit 1"
wait "> first question"
wait "[#1 red.ppm 160x120]"
wait "editing"
key C-c
gone "> first question"
key C-c
wait "stays as it was"
gone "[#1 red.ppm 160x120]"
key M-Up
wait "> second question"
type " changed"
key Enter
waitre "second question changed +\[2/2\][\s\S]*cut at 8" 60
expect-text "first question"
say "/edit 9"
wait "there is no turn 9"
key C-c
say "/edit 1"
wait "> first question"
type ", again"
wait "again"
key Enter
waitre "first question, again +\[2/2\][\s\S]*cut at 8" 60
gone "second question changed"
expect-no-text "> first"
say "/images"
wait "turn 1"
expect-no-text "#2 red"
key C-d
expect-exit 0
KEYS
records=$(echo "$work"/home/data/sessions/*/*.jsonl)
test "$(grep -c '"t":"user","id":[0-9]*,"up":0' $records)" = 2 || { echo "not two first questions"; exit 1; }
test "$(grep -c '"t":"user","id":[0-9]*,"up":2' $records)" = 2 || { echo "not two second questions"; exit 1; }

# reading mode: e on an answer changes it, c goes on from there, < and > go to the other branches
screen 100x40 -c -n 8 <<'KEYS'
wait "first question, again"
key Escape
wait "READING"
key e
wait "editing"
key C-u
type "my own words"
wait "> my own words"
key Enter
waitre "my own words +\[2/2\] \[edited\]"
say "/continue"
waitre "my own words.*\[2/2\] \[edited\] \[cut at" 60
key Escape
wait "READING"
key <
gone "my own words"
key q
gone "READING"
key Escape
wait "READING"
key [ [
settle 0.2
key <
waitre "first question +\[1/2\]"
expect-text "second question"
key q
gone "READING"
key C-d
expect-exit 0
KEYS
grep -q '"edited":true.*"text":"my own words"' $records || { echo "the edited answer is not stored"; exit 1; }
grep -q '"cont":.*"text":"my own words.' $records || { echo "it did not go on from there"; exit 1; }
screen 100x40 -c <<'KEYS'
waitre "first question +\[1/2\]"
expect-text "second question"
key C-d
expect-exit 0
KEYS
