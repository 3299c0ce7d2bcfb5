/* watch.h: asking the watch of long work, and telling it. Private to engine/. */
#ifndef ENGINE_WATCH_H
#define ENGINE_WATCH_H

#include "engine/engine.h"

static inline bool
watch_stopped(const struct watch *w)
{
	return w && w->stop && atomic_load_explicit(w->stop, memory_order_relaxed);
}

static inline void
watch_report(const struct watch *w, enum stage stage, long long done, long long total)
{
	if (w && w->report)
		w->report(w->arg, stage, done, total);
}

#endif
