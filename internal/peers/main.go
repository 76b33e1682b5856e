// Peers measures how fast OTLP bytes become a service graph here, and in the
// programs that people use for it today, over the same input in one process:
//
//   - Tempo's service-graphs processor: its protobuf decoder, the processor and its
//     managed registry with classic histograms, once with the limit of pending edges
//     lifted and once at its default;
//   - the OpenTelemetry Collector's pdata, decoding alone: what any component of a
//     Collector pays before it starts;
//   - this module, from bytes to a finished Graph.
//
// Before it measures it compares the edges of Tempo and of this module, and stops
// where they differ.
//
// A run is a number of rounds. In each, every path goes over the whole input once,
// on one core and then on two, the order turning from round to round; ratios are
// taken within a round, so that what else the machine does falls on all alike. Time
// is that of the clock and that of the processor (user and system time of the whole
// process, the garbage collector's included).
//
// It is a module of its own because it links Tempo and the Collector; see README.md
// for how to run it and for their licences. It needs getrusage: not for Windows.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
)

// Real recordings. The second is not part of the repository.
const (
	hotrod   = "../../examples/traces/hotrod.jsonl.gz"
	mythical = "../../../shared/datasets/mythical/mythical.pb.gz"
)

func main() {
	err := run(os.Stdout, os.Stderr, os.Args[1:])
	switch err {
	case nil:
	case flag.ErrHelp:
		os.Exit(2)
	default:
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

func run(stdout, stderr io.Writer, args []string) error {
	flags := flag.NewFlagSet("peers", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprintf(stderr, "usage: peers [flags] [file ...]\n\nFiles are OTLP JSON lines or length-delimited OTLP protobuf, gzip or not. Without any,\n%s is read, and %s if it is there.\n\n", hotrod, mythical)
		flags.PrintDefaults()
	}
	spans := flags.Int("spans", 250_000, "about how many spans to generate; 0 to read files alone")
	shapes := flags.String("shape", "trace,sdk", "how to put generated spans into messages: one trace each (trace), 100 spans of one service each (sdk)")
	rounds := flags.Int("rounds", 5, "how often every path goes over every input")
	coreList := flags.String("cores", "1,2", "numbers of cores to use")
	format := flags.String("format", "protobuf,json", "encodings to read")
	if err := flags.Parse(args); err != nil {
		return flag.ErrHelp
	}
	if *rounds < 1 {
		return fmt.Errorf("-rounds %d: at least 1", *rounds)
	}
	var cores []int
	for text := range strings.SplitSeq(*coreList, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return fmt.Errorf("-cores %s: numbers from 1, separated by commas", *coreList)
		}
		cores = append(cores, n)
	}
	wanted := strings.Split(*format, ",")
	for _, f := range wanted {
		if !slices.ContainsFunc(comparisons, func(c comparison) bool { return c.format == f }) {
			return fmt.Errorf("-format %s: protobuf, json or both, separated by a comma", *format)
		}
	}
	sources, err := sources(*spans, *shapes, flags.Args())
	if err != nil {
		return err
	}

	writeMachine(stdout, args)
	// One input after the other, so that the memory of one is free for the next.
	for _, load := range sources {
		in, err := load()
		if err != nil {
			return err
		}
		agreement, err := agree(in)
		if err != nil {
			return fmt.Errorf("%s: %w", in.name, err)
		}
		fmt.Fprintf(stdout, "\n## %s\n\n%s\n", in.name, agreement)
		for _, c := range comparisons {
			if !slices.Contains(wanted, c.format) {
				continue
			}
			results, err := measure(c, in, cores, *rounds)
			if err != nil {
				return fmt.Errorf("%s: %w", in.name, err)
			}
			writeTable(stdout, c, in, cores, results)
		}
	}
	return nil
}

// sources returns what loads each input: generated ones first.
func sources(spans int, shapes string, files []string) ([]func() (*input, error), error) {
	var loads []func() (*input, error)
	if spans > 0 {
		for shape := range strings.SplitSeq(shapes, ",") {
			switch shape {
			case "trace":
				loads = append(loads, func() (*input, error) { return newInput("Generated, one trace a message", traceMessages(spans)) })
			case "sdk":
				loads = append(loads, func() (*input, error) { return newInput("Generated, SDK export requests", sdkMessages(spans)) })
			default:
				return nil, fmt.Errorf("-shape %s: trace, sdk or both, separated by a comma", shapes)
			}
		}
	}
	if len(files) == 0 {
		files = []string{hotrod}
		if _, err := os.Stat(mythical); err == nil {
			files = append(files, mythical)
		}
	}
	for _, path := range files {
		loads = append(loads, func() (*input, error) { return readInput(path) })
	}
	return loads, nil
}
