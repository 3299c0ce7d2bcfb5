noinst_LIBRARIES += libchat.a
libchat_a_SOURCES = src/chat/chat.h src/chat/chat.c src/chat/assemble.c src/chat/budget.c src/chat/drops.c src/chat/tags.c src/chat/marks.c src/chat/notes.c
