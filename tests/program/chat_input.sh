#!/bin/sh
# What Enter does with a line: commands, text that begins with a slash, queued messages, undo, Chinese.
. "${srcdir:-.}/tests/program/chat-lib.sh"
picture red.ppm 120 10 10
picture green.ppm 10 120 10

screen 100x32 -n 12 <<'KEYS'
wait "/help"
type "/frobnicate now"
key Enter
wait "there is no command /frobnicate"
expect-text "/frobnicate now"
key C-c
type "//slash"
key Enter
wait "[cut at 12]" 30
expect-text "/slash"
expect-no-text "//slash"
type "/undo"
key Enter
gone "[cut at 12]"
wait "/slash"
key C-c
type "你好，这是什么？"
wait "你好，这是什么？"
key Enter
wait "[cut at 12]" 30
expect-text "你好，这是什么？"
type "/set temp 0.5"
key Enter
wait "temp = 0.5"
type "/set top_p 7"
key Enter
wait "top_p: "
expect-text "/set top_p 7"
key C-c
type "/regen"
key Enter
wait "[2/2]" 30
type "/system Be brief."
key Enter
wait "system message: Be brief."
key C-d
expect-exit 0
KEYS
grep -q '"t":"system".*Be brief\.' "$work"/home/data/sessions/*/*.jsonl || { echo "system message not stored"; exit 1; }

# pictures: a path in front becomes a chip, Backspace takes it back, Enter on an empty line asks the usual question
screen 100x32 -n 12 <<'KEYS'
wait "/help"
type "./red.ppm what is it?"
key Enter
wait "[#1 red.ppm 160x120]"
expect-text "what is it?"
key C-c
key Backspace
gone "[#1 red.ppm 160x120]"
type "/image *.ppm"
key Enter
wait "[#1 green.ppm 160x120] [#2 red.ppm 160x120]"
type "/detach 1"
key Enter
wait "[#1 red.ppm 160x120]"
expect-no-text "green"
key Enter
wait "Please describe the image in detail."
key Enter
wait "[cut at 12]" 30
wait-image 1
type "/image nothing.png"
key Enter
wait "nothing.png"
type "/images"
key Enter
wait "turn 1"
key C-c
key C-d
expect-exit 0
KEYS

# a message that is sent during an answer waits, and comes back when the answer is stopped
screen 100x32 --threads 1 -n 3900 <<'KEYS'
wait "/help"
type "first"
key Enter
wait "answering" 30
type "second"
key Enter
wait "[queued]"
key C-c
wait "[stopped]"
gone "[queued]"
expect-text "second"
key C-c
type "third"
key Enter
wait "answering" 30
type "fourth"
key Enter
wait "[queued]"
key M-Up
gone "[queued]"
key C-c
wait "[stopped]"
key C-c
key C-d
expect-exit 0
KEYS
