package otelsetup

import "sync/atomic"

// Stats counts the sampled spans of an SDK since Start. Started is always the sum of
// Exported, Failed, Dropped and Pending.
type Stats struct {
	Started int64 // spans started
	Ended   int64 // spans ended before Shutdown returned

	// Exported spans were accepted by the receiver. Failed spans were sent, and the receiver
	// refused them or did not answer. A receiver that did not answer may nevertheless have stored
	// spans.
	Exported, Failed int64

	// Dropped spans ended and were never sent, because the queue was full or
	// Shutdown had begun. The number is exact after Flush or Shutdown, and a
	// lower bound at other times.
	Dropped int64

	// Pending spans have not ended, wait in the queue or are being sent. After Shutdown, they are
	// the spans that had not ended by then. At other times, Pending includes dropped spans that are
	// not yet counted in Dropped.
	Pending int64
}

// lost returns how many ended spans were not delivered.
func (s Stats) lost() int64 { return s.Failed + s.Dropped }

// A tally holds the counters of one pipeline.
type tally struct {
	started, ended   atomic.Int64
	taken            atomic.Int64 // passed to the exporter
	exported, failed atomic.Int64
	dropped          atomic.Int64 // a lower bound, as high as is certain so far

	capacity int64 // how many spans the batch processor can hold
	queue    int64 // how many spans its queue alone can hold (OTEL_BSP_MAX_QUEUE_SIZE)
	drain    int   // how many batches empty a full queue
}

// countDropped computes how many spans the batch processor has dropped, because the batch processor
// does not report the number. Some of the ended spans were passed to the exporter, and at most
// waiting spans can still be passed to the exporter; the others are dropped.
func (t *tally) countDropped(ended, waiting int64) {
	certain := ended - t.taken.Load() - waiting
	for {
		known := t.dropped.Load()
		if certain <= known || t.dropped.CompareAndSwap(known, certain) {
			return
		}
	}
}

func (t *tally) stats() Stats {
	t.countDropped(t.ended.Load(), t.capacity)
	s := Stats{
		Exported: t.exported.Load(),
		Failed:   t.failed.Load(),
		Dropped:  t.dropped.Load(),
		Ended:    t.ended.Load(),
		Started:  t.started.Load(), // last, so that Pending is never negative
	}
	s.Pending = s.Started - s.Exported - s.Failed - s.Dropped
	return s
}
