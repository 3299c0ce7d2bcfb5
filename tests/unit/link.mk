# unit/link: the queues alone, messages on a socket, and the whole link, in a thread and in another process, against an
# engine that the test plays
check_PROGRAMS += link_queue link_wire link_worker
TESTS += link_queue link_wire link_worker
link_queue_SOURCES = tests/unit/link_queue.c tests/unit/link_fake.c tests/unit/link_fake.h
link_queue_CPPFLAGS = $(TEST_CPPFLAGS)
link_queue_LDADD = liblink.a libbase.a $(CMOCKA_LIBS)
link_wire_SOURCES = tests/unit/link_wire.c tests/unit/link_fake.c tests/unit/link_fake.h
link_wire_CPPFLAGS = $(TEST_CPPFLAGS)
link_wire_LDADD = liblink.a libbase.a $(CMOCKA_LIBS)
link_worker_SOURCES = tests/unit/link_worker.c tests/unit/link_fake.c tests/unit/link_fake.h
link_worker_CPPFLAGS = $(TEST_CPPFLAGS)
link_worker_LDADD = liblink.a libbase.a $(CMOCKA_LIBS)

# the command line and the way out alone
check_PROGRAMS += cmd_options cmd_output
TESTS += cmd_options cmd_output
cmd_options_SOURCES = tests/unit/cmd_options.c
cmd_options_CPPFLAGS = $(TEST_CPPFLAGS)
cmd_options_LDADD = libcmd.a libconf.a libbase.a $(UTF8PROC_LIBS) $(CMOCKA_LIBS)
cmd_output_SOURCES = tests/unit/cmd_output.c
cmd_output_CPPFLAGS = $(TEST_CPPFLAGS)
cmd_output_LDADD = libcmd.a libconf.a libbase.a $(UTF8PROC_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += cmd_asker
TESTS += cmd_asker
cmd_asker_SOURCES = tests/unit/cmd_asker.c tests/unit/link_fake.c tests/unit/link_fake.h
cmd_asker_CPPFLAGS = $(TEST_CPPFLAGS)
cmd_asker_LDADD = libcmd.a liblink.a libconf.a libbase.a $(UTF8PROC_LIBS) $(CMOCKA_LIBS)
