package otelsetup

import "sync/atomic"

// Stats counts the sampled spans of an SDK since Start. Spans that sampling
// left out are in none of the numbers. The numbers are read one after the
// other while spans go on: they agree with each other once nothing moves, as
// after Shutdown.
type Stats struct {
	Started int64 // spans started
	Ended   int64 // spans ended before Shutdown was done

	// Exported spans were accepted by the receiver. Failed ones were sent, and
	// refused or never answered for: of those that were not answered for, the
	// receiver may hold some.
	Exported, Failed int64

	// Dropped spans ended and were never sent, because the queue was full or
	// Shutdown had begun. The number is a lower bound between flushes and
	// exact after Flush or Shutdown.
	Dropped int64
}

// lost returns how many of the ended spans did not arrive.
func (s Stats) lost() int64 { return s.Failed + s.Dropped }

// A tally holds the counters of one pipeline.
type tally struct {
	started, ended   atomic.Int64
	taken            atomic.Int64 // handed to the exporter
	exported, failed atomic.Int64
	dropped          atomic.Int64 // the highest number that was certain so far

	capacity int64 // spans that can wait in the batch processor
	queue    int64 // the part of capacity that OTEL_BSP_MAX_QUEUE_SIZE sets
}

// settle notes that, of the spans that had ended when the first ended were
// counted, at most waiting have not been handed to the exporter yet and still
// can be: the rest is dropped. The batch processor does not tell.
func (t *tally) settle(ended, waiting int64) {
	certain := ended - t.taken.Load() - waiting
	for {
		known := t.dropped.Load()
		if certain <= known || t.dropped.CompareAndSwap(known, certain) {
			return
		}
	}
}

func (t *tally) stats() Stats {
	t.settle(t.ended.Load(), t.capacity)
	return Stats{
		Started:  t.started.Load(),
		Ended:    t.ended.Load(),
		Exported: t.exported.Load(),
		Failed:   t.failed.Load(),
		Dropped:  t.dropped.Load(),
	}
}
