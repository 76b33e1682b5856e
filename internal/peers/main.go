// Peers measures how fast this module and other programs turn OTLP bytes into a
// service graph, over the same input in one process:
//
//   - Tempo's service-graphs processor: its protobuf decoder, the processor and its
//     managed registry with classic histograms, once without a limit of pending edges
//     and once with the default limit;
//   - the OpenTelemetry Collector's pdata, decoding alone: the cost of any component of
//     a Collector before its own work;
//   - this module, from bytes to a finished Graph.
//
// Peers first compares the edges of Tempo and of this module, and stops if they differ.
//
// A run consists of rounds. In each round every path reads the whole input once, on one
// core and then on two, in an order that rotates from round to round. Ratios are taken
// within a round, so that other load on the machine affects all paths equally. Peers
// reports wall time and processor time (user and system time of the whole process,
// including the garbage collector).
//
// Peers is a separate module because it links Tempo and the Collector; README.md has
// the commands and the licenses. Peers needs getrusage and does not run on Windows.
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

// The default inputs are recordings of real programs. The recording mythical is not part of the
// repository.
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
		fmt.Fprintf(stderr, "usage: peers [flags] [file ...]\n\nA file holds OTLP JSON lines or length-delimited OTLP protobuf, optionally compressed with gzip.\nWithout files, peers reads %s, and %s if it exists.\n\n", hotrod, mythical)
		flags.PrintDefaults()
	}
	spans := flags.Int("spans", 250_000, "approximate `number` of spans to generate; 0 reads only files")
	shapes := flags.String("shape", "trace,sdk", "messages of generated spans: one trace each (trace), 100 spans of one service each (sdk)")
	rounds := flags.Int("rounds", 5, "`number` of times that every path reads every input")
	coreList := flags.String("cores", "1,2", "numbers of cores to use")
	format := flags.String("format", "protobuf,json", "encodings to read")
	if err := flags.Parse(args); err != nil {
		return flag.ErrHelp
	}
	if *rounds < 1 {
		return fmt.Errorf("-rounds %d: want at least 1", *rounds)
	}
	var cores []int
	for text := range strings.SplitSeq(*coreList, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return fmt.Errorf("-cores %s: want numbers from 1, separated by commas", *coreList)
		}
		cores = append(cores, n)
	}
	wanted := strings.Split(*format, ",")
	for _, f := range wanted {
		if !slices.ContainsFunc(comparisons, func(c comparison) bool { return c.format == f }) {
			return fmt.Errorf("-format %s: want protobuf, json, or both separated by a comma", *format)
		}
	}
	sources, err := sources(*spans, *shapes, flags.Args())
	if err != nil {
		return err
	}

	writeMachine(stdout, args)
	// The inputs run one after the other, so that the memory of one is free for the next.
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

// sources returns a function for each input that loads the input. The generated inputs come first.
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
