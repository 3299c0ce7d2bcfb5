#!/bin/sh
# Three rounds about a picture, leaving, and all of it again after -c.
. "${srcdir:-.}/tests/program/chat-lib.sh"
picture red.ppm 120 10 10

screen 100x32 -n 24 red.ppm <<'KEYS'
wait "[#1 red.ppm 160x120]"
say "What is this?"
wait "What is this?"
wait-image 1
wait "[cut at 24]" 60
expect-no-text "[#1 red.ppm 160x120]"
say "And the second question?"
waitre "second question[\s\S]*cut at 24" 60
say "A third one"
waitre "A third one[\s\S]*cut at 24" 60
key C-d
expect-exit 0
KEYS
test "$(ls "$work"/home/data/sessions/*/*.jsonl | wc -l)" = 1 || exit 1
grep -c '"t":"answer"' "$work"/home/data/sessions/*/*.jsonl | grep -qx 3 || exit 1
rm "$work/red.ppm"

# the picture comes from the store now
screen 100x60 -c <<'KEYS'
wait "A third one"
wait-image 1
settle
expect-text "What is this?"
expect-text "#1 red.ppm 160x120"
expect-text "And the second question?"
expect-text "[cut at 24]"
expect-covered 0 0 59 99 >= 20
key Up
wait "A third one"
key C-c
key C-d
expect-exit 0
KEYS

screen 100x60 -c --set ui.timestamps=on <<'KEYS'
waitre "User  [-0-9 ]*[0-9][0-9]:[0-9][0-9]"
waitre "Assistant  [-0-9 ]*[0-9][0-9]:[0-9][0-9]"
key C-d
expect-exit 0
KEYS
