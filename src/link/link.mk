noinst_LIBRARIES += liblink.a
liblink_a_SOURCES = src/link/link.h src/link/link.c src/link/message.c src/link/message.h src/link/queue.c src/link/queue.h \
	src/link/worker.c src/link/worker.h src/link/apart.c src/link/apart.h src/link/serve.c src/link/serve.h \
	src/link/wire.c src/link/wire.h
