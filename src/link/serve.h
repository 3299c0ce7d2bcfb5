/* serve.h: the two ends of an engine in a process of its own agree on this. */
#ifndef LINK_SERVE_H
#define LINK_SERVE_H

/* The other process's descriptors: for requests and events; of the memory with the wishes; of the log, if there is one. */
enum { SERVE_SOCKET = 3, SERVE_MEMORY, SERVE_LOG, SERVE_END };

#endif
