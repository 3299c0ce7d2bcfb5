#!/bin/sh
# What was said stays: after Ctrl-C, and after kill -9 in the middle of an answer.
. "${srcdir:-.}/tests/program/chat-lib.sh"

screen 100x32 -n 16000 <<'KEYS'
wait "/help"
say "Tell me everything"
wait "answering" 30
sleep 0.3
key C-c
wait "[stopped]"
say "Once more"
wait "answering" 30
sleep 0.5
signal KILL
wait-exit
KEYS
records="$work"/home/data/sessions/*/*.jsonl
grep -q '"stop":"user"' $records || { echo "the stopped answer is not stored"; exit 1; }
grep -q '"t":"part"' $records || { echo "no part of the killed answer is stored"; exit 1; }

screen 100x32 -c -n 16 <<'KEYS'
wait "[interrupted]"
say "go on"
wait "[cut at 16]" 30
key C-d
expect-exit 0
KEYS
