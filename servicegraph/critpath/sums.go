package critpath

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/servicegraph/internal/histogram"
)

// A cell is a bucket of the durations of the requests of one entry.
type cell struct {
	entry  int32 // index in sums.entries
	bucket int32
}

// anyRequest is the cell of all sums beyond Config.Sums. It never counts as slow.
var anyRequest = cell{-1, -1}

// An entrySum has the durations of the requests of an entry, without a change and after each
// change.
type entrySum struct {
	of       operation
	index    int32 // in sums.entries
	requests uint64
	total    int64
	took     durations
	after    []durations
	saved    []int64
}

// durations count requests by the buckets of their durations, in rising order.
type durations []bucketCount

type bucketCount struct {
	bucket int32
	count  uint64
}

// quantile returns a quantile of the durations, within 0.8 %, and its bucket. requests is the
// number of durations.
func (d durations) quantile(requests uint64, q float64) (time.Duration, int32) {
	rank, seen, last := q*float64(requests), 0.0, int32(0)
	for _, b := range d {
		last = b.bucket
		if seen += float64(b.count); seen >= rank {
			break
		}
	}
	return time.Duration(histogram.Middle(int(last))), last
}

// A callSum has the sums of a call so far.
type callSum struct {
	time           map[cell]int64
	traces         uint64
	network        int64
	offPath        uint64
	slack, least   int64
	suppressed     uint64
	suppressedTime int64
	slowest        []Exemplar
}

// sums are the sums of a collector.
type sums struct {
	spans, late, early, traces, rootless uint64
	folded, sampled, longNames, coarse   uint64
	cfg                                  *Config
	room                                 int          // how many of Config.Sums are left
	other                                int32        // the name of operations beyond a limit
	otherNode                            func() int32 // the caller and the callee of calls beyond maxCalls
	entryOf                              map[operation]int32
	entries                              []*entrySum
	operations                           map[operation]map[cell]int64
	calls                                map[call]*callSum
	stackOf                              map[stackNode]int32
	stacks                               []stackSum // by number; otherStack comes first
	stackBytes                           int        // of the texts of all stacks
}

func (s *sums) init(cfg *Config, other int32, otherNode func() int32) {
	*s = sums{
		cfg: cfg, room: cfg.Sums, other: other, otherNode: otherNode, entryOf: make(map[operation]int32), operations: make(map[operation]map[cell]int64),
		calls: make(map[call]*callSum), stackOf: make(map[stackNode]int32), stacks: make([]stackSum, 1),
	}
}

// bucket counts a request, and returns the cell of its duration.
func (s *sums) bucket(entry operation, took int64) cell {
	i, ok := s.entryOf[entry]
	if !ok && len(s.entries) >= s.cfg.Names {
		s.folded++
		entry.name = s.other
		i, ok = s.entryOf[entry]
	}
	if !ok {
		i = int32(len(s.entries))
		s.entryOf[entry] = i
		s.entries = append(s.entries, &entrySum{of: entry, index: i, after: make([]durations, len(s.cfg.Changes)), saved: make([]int64, len(s.cfg.Changes))})
	}
	e := s.entries[i]
	e.requests++
	e.total += took
	return cell{i, s.count(&e.took, took)}
}

// count counts a duration in its bucket. If no further sum may be kept, it counts the duration in
// the nearest bucket that exists. It returns the bucket.
func (s *sums) count(d *durations, took int64) int32 {
	bucket := int32(histogram.Bucket(took))
	i, ok := slices.BinarySearchFunc(*d, bucket, func(b bucketCount, bucket int32) int { return cmp.Compare(b.bucket, bucket) })
	switch {
	case ok:
	case s.room > 0 || len(*d) == 0:
		s.room--
		*d = slices.Insert(*d, i, bucketCount{bucket: bucket})
	default:
		s.coarse++
		if i == len(*d) || i > 0 && bucket-(*d)[i-1].bucket <= (*d)[i].bucket-bucket {
			i--
		}
	}
	(*d)[i].count++
	return (*d)[i].bucket
}

// add adds a time to the sum of a cell. If no further sum may be kept, it adds the time to the sum
// of anyRequest.
func (s *sums) add(cells map[cell]int64, q cell, took int64) {
	if _, ok := cells[q]; !ok {
		if s.room > 0 {
			s.room--
		} else {
			s.coarse++
			q = anyRequest
		}
	}
	cells[q] += took
}

func (s *sums) replayed(change int, entry int32, took int64) {
	e := s.entries[entry]
	s.count(&e.after[change], took)
	e.saved[change] += took
}

func (s *sums) operation(o operation, q cell, took int64) {
	cells := s.operations[o]
	if cells == nil && len(s.operations) >= 5*s.cfg.Names {
		s.folded++
		o.name = s.other
		cells = s.operations[o]
	}
	if cells == nil {
		cells = make(map[cell]int64)
		s.operations[o] = cells
	}
	s.add(cells, q, took)
}

func (s *sums) of(k call) *callSum {
	c := s.calls[k]
	if c == nil && len(s.calls) >= maxCalls {
		s.folded++
		other := s.otherNode()
		k = call{other, other}
		c = s.calls[k]
	}
	if c == nil {
		c = &callSum{time: make(map[cell]int64), least: math.MaxInt64}
		s.calls[k] = c
	}
	return c
}

func (s *sums) call(k call, q cell, took int64, id servicegraph.TraceID) {
	c := s.of(k)
	s.add(c.time, q, took)
	c.traces++
	c.keep(Exemplar{id, time.Duration(took)})
}

// merge adds the sums of another call.
func (c *callSum) merge(o *callSum) {
	for q, took := range o.time {
		c.time[q] += took
	}
	c.traces += o.traces
	c.network += o.network
	c.offPath += o.offPath
	c.slack += o.slack
	c.least = min(c.least, o.least)
	c.suppressed += o.suppressed
	c.suppressedTime += o.suppressedTime
	for _, x := range o.slowest {
		c.keep(x)
	}
}

// keep keeps an exemplar if it is one of the slowest.
func (c *callSum) keep(x Exemplar) {
	i, _ := slices.BinarySearchFunc(c.slowest, x, func(a, b Exemplar) int {
		return cmp.Or(cmp.Compare(b.Time, a.Time), slices.Compare(a.TraceID[:], b.TraceID[:]))
	})
	c.slowest = slices.Insert(c.slowest, i, x)
	c.slowest = c.slowest[:min(len(c.slowest), maxExemplars)]
}

func (s *sums) network(k call, took int64)        { s.of(k).network += took }
func (s *sums) suppressedTime(k call, took int64) { s.of(k).suppressedTime += took }
func (s *sums) suppressedError(k call)            { s.of(k).suppressed++ }

func (s *sums) slack(k call, slack int64) {
	c := s.of(k)
	c.offPath++
	c.slack += slack
	c.least = min(c.least, slack)
}
