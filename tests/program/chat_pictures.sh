#!/bin/sh
# Pictures from elsewhere (a paste, a dropped file, the picker), and what is copied, found and enlarged.
. "${srcdir:-.}/tests/program/chat-lib.sh"

picture red.ppm 120 20 20
picture "a b.ppm" 20 20 120
base64 "$work/red.ppm" >"$work/red.b64"
{ printf 'data:image/x-portable-pixmap;base64,'; base64 "$work/red.ppm"; } >"$work/red.uri"
{ base64 "$work/red.ppm"; echo '!'; } >"$work/broken.b64"

screen 100x30 <<EOS
wait "> "
pastefile red.b64
wait "[#1 pasted.pnm 160x120]"
pastefile red.uri
wait "[#2 pasted.pnm 160x120]"
paste "file://$work/a%20b.ppm"
wait "[#3 a b.ppm 160x120]"
pastefile broken.b64
wait "pasted as text"
expect-no-text "[#4"
key C-u
key Backspace*3
gone "[#1"
paste "no picture"
wait "> no picture"
key C-u
say "/image https://example.org/cat.png"
wait "is not fetched"
expect-text "curl -sL"
key C-u
key M-i
wait "Pictures in"
wait "160x120 pnm"
type "red"
key Enter
wait "[#1 red.ppm 160x120]"
type "What is it?"
wait "> What is it?"
key Enter
wait "Assistant"
wait "tok/s"
say "/view 1"
wait "PICTURE"
key x
gone "PICTURE"
say "/compare 1 9"
wait "there is no picture #9"
key C-u
say "/find What is it"
wait "match 1 of 1"
key v
wait "as the model sees it"
key x
key y
wait "copied the question, 11 bytes"
key Y
wait "there is no code block"
key B
wait "names no place"
key q
say "/copy code"
wait "no code block"
key C-u
say "/copy all"
wait "copied the conversation"
key C-v
wait "No picture can be fetched"
key C-d
expect-exit 0
EOS

# The path of another computer gets its explanation.
printf '#!/bin/sh\nSSH_CONNECTION="1 2 3 4" exec %s "$@"\n' "$ivchat" >"$work/far"
chmod +x "$work/far"
ivchat=$work/far
screen 100x24 <<'EOS'
wait "> "
paste "/Users/me/Desktop/shot.png"
wait "is a path of another computer"
key C-u
type "https://example.com/cat.png what is it?"
key Enter
wait "is not fetched"
expect-text "> https://example.com/cat.png what is it?"
key C-u
paste "C:\\Users\\me\\shot.png"
wait "> C:\\Users\\me\\shot.png"
key C-u
key C-d
expect-exit 0
EOS
