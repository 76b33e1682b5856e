package main

import (
	"fmt"
	"iter"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// A path is one way of reading an input.
type path struct {
	name string
	run  func(in *input, workers int) error
}

// A comparison holds the paths of one encoding. Ratios are to the first path.
type comparison struct {
	format   string
	baseline string // the first path's name in the headings
	paths    []path
}

var comparisons = []comparison{
	{"protobuf", "Tempo", []path{
		{"Tempo's processor, limit lifted", tempoRun(true)},
		{"Tempo's processor, limit of 10,000", tempoRun(false)},
		{"pdata, decoding alone", pdataProtobuf},
		{"tempograph", oursProtobuf},
	}},
	{"json", "pdata", []path{
		{"pdata, decoding alone", pdataJSON},
		{"tempograph", oursJSON},
	}},
}

// A cost is the time and memory of reading an input once.
type cost struct {
	wall, cpu      time.Duration
	mallocs, bytes float64
}

// enough is the smallest number of spans that a path reads in a round: a path reads a small input
// several times.
const enough = 100_000

// measure returns the costs of the paths of a comparison, by number of cores, path
// and round.
func measure(c comparison, in *input, cores []int, rounds int) ([][][]cost, error) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	costs := make([][][]cost, len(cores))
	for i := range cores {
		costs[i] = make([][]cost, len(c.paths))
	}
	for round := range rounds {
		for i, n := range cores {
			runtime.GOMAXPROCS(n)
			for turn := range c.paths {
				p := (turn + round) % len(c.paths)
				took, err := once(c.paths[p], in, n)
				if err != nil {
					return nil, fmt.Errorf("%s: %w", c.paths[p].name, err)
				}
				costs[i][p] = append(costs[i][p], took)
			}
		}
	}
	return costs, nil
}

// once runs a path on a heap without garbage of other paths. Because the heap holds the input,
// garbage collections are rarer than in a program that reads a stream. This favors paths that
// allocate much.
func once(p path, in *input, cores int) (cost, error) {
	times := (enough + in.spans - 1) / in.spans
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	cpu, start := processorTime(), time.Now()
	for range times {
		if err := p.run(in, cores); err != nil {
			return cost{}, err
		}
	}
	wall, used := time.Since(start), processorTime()-cpu
	runtime.ReadMemStats(&after)
	return cost{
		wall:    wall / time.Duration(times),
		cpu:     used / time.Duration(times),
		mallocs: float64(after.Mallocs-before.Mallocs) / float64(times),
		bytes:   float64(after.TotalAlloc-before.TotalAlloc) / float64(times),
	}, nil
}

// processorTime returns the user and system time of this process so far.
func processorTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic("peers: getrusage: " + err.Error()) // getrusage fails only for wrong arguments
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// each passes every message to a function. It runs as many goroutines as workers says, and worker
// makes a function for each goroutine. It returns the error of any of the functions.
func each(messages iter.Seq[[]byte], workers int, worker func() func([]byte) error) error {
	if workers == 1 {
		do := worker()
		for message := range messages {
			if err := do(message); err != nil {
				return err
			}
		}
		return nil
	}
	queue := make(chan []byte, 64)
	errs := make(chan error, workers)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			do := worker()
			var failed error
			for message := range queue { // empties the queue, also after an error
				if failed == nil {
					failed = do(message)
				}
			}
			errs <- failed
		})
	}
	for message := range messages {
		queue <- message
	}
	close(queue)
	wg.Wait()
	for range workers {
		if err := <-errs; err != nil {
			return err
		}
	}
	return nil
}
