# unit/chat: without the engine; the test stands in for prompt_build
check_PROGRAMS += chat_tree
TESTS += chat_tree
chat_tree_SOURCES = tests/unit/chat_tree.c
chat_tree_CPPFLAGS = $(TEST_CPPFLAGS)
chat_tree_LDADD = libchat.a libbase.a $(UTF8PROC_LIBS) $(CMOCKA_LIBS) -lm
check_PROGRAMS += chat_budget
TESTS += chat_budget
chat_budget_SOURCES = tests/unit/chat_budget.c
chat_budget_CPPFLAGS = $(TEST_CPPFLAGS)
chat_budget_LDADD = libchat.a libbase.a $(UTF8PROC_LIBS) $(CMOCKA_LIBS) -lm
