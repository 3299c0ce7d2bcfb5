#!/bin/sh
# A conversation as a session of its own, tags, searching all of them, writing one elsewhere, and one that is not kept.
. "${srcdir:-.}/tests/program/chat-lib.sh"
picture red.ppm 120 10 10

screen 100x40 -n 8 --name trunk red.ppm <<'KEYS'
wait "[#1"
say "about herrings"
waitre "herrings[\s\S]*cut at 8" 60
say "about gulls"
waitre "gulls[\s\S]*cut at 8" 60
say "/tag sea -land birds"
wait "Tags: sea, birds"
say "/tag -birds"
waitre "Tags: sea *\n"
say "/tag a,b"
wait "cannot be a tag"
key C-c
say "/fork twig"
wait "This is a new session"
wait-image 1
expect-text "about gulls"
say "about newts"
waitre "newts[\s\S]*cut at 8" 60
say "/export talk.md"
wait "Written to talk.md"
say "/export talk.md"
wait "is already there"
key C-c
say "/export odt"
wait "no format"
key C-c
say "/search HERRING"
wait "Nothing stored says"
say "/search herring"
wait "Found"
waitre "about herrings .*user  turn  1"
key Down
key Enter
wait "READING"
gone "about newts"
key q
gone "READING"
say "/private"
gone "about gulls"
wait "PRIVATE"
say "a secret"
waitre "secret[\s\S]*cut at 8" 60
say "/save"
wait "private session"
say "/new"
gone "PRIVATE"
key C-d
expect-exit 0
KEYS
test "$("$ivchat" ls | wc -l)" = 2 || { "$ivchat" ls; echo "not two sessions"; exit 1; }
grep -rq secret "$work/home" && { echo "what was private is kept"; exit 1; }
"$ivchat" show trunk | grep -q newts && { echo "the fork wrote into the first session"; exit 1; }
"$ivchat" show twig | grep -q gulls || { echo "the fork is not whole"; exit 1; }
"$ivchat" tag trunk | grep -qx sea || { echo "no tag"; exit 1; }
grep -q "about newts" "$work/talk.md" && test -e "$work/talk.md.pictures" || { echo "not exported"; exit 1; }
test "$(grep -c '"t":"answer".*"ids":\[[0-9]' "$("$ivchat" path twig)")" = 3 || { echo "answers lost their tokens"; exit 1; }
