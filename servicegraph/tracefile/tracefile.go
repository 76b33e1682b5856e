// Package tracefile reads spans from trace files.
//
// A trace file holds OTLP export requests (ExportTraceServiceRequest, which has
// the shape of TracesData), or what Jaeger and Zipkin answer, in one of these forms,
// told apart by its first bytes and never by its name:
//
//   - OTLP JSON: requests one after another, one a line or spread over many, or in
//     a list. Requests of other signals among them, which a collector writes into the
//     same file where it is told to, are passed over. Answers to a trace query are read
//     as well, which are the same objects: of Tempo below "batches" or "trace", with ids
//     in base64, and of Jaeger's API v3 below "result". What is called scopeSpans today
//     may have its older name, instrumentationLibrarySpans.
//   - OTLP protobuf, delimited: every request behind its length as a varint.
//   - OTLP protobuf, one message: a request alone, such as the body of an
//     export, or several joined into one.
//   - Jaeger's JSON: answers of its API, what its user interface downloads, and
//     traces or spans alone, in a list, or one a line.
//   - Zipkin's JSON, version 2: spans in a list, in a list of traces, or one a line.
//
// Each form may be compressed with gzip or zstd. Records are read one at a time, so
// that memory depends on the largest, not on the file.
//
// # Records and errors
//
// A record is one request, in a file of one protobuf message one ResourceSpans
// of it; a trace of Jaeger's; a span of Zipkin's. What is wrong inside a record costs
// as little as the encoding allows: one span, the spans of one scope or resource, or a
// whole JSON object that is not JSON. It is reported as a [servicegraph.SkipError] in
// the sequence, and reading goes on. A source that is lost (unreadable, cut off, not a
// trace file, or nothing but records that cannot be read) ends the sequence with one
// other error, behind all spans that could be read before.
//
// # What a span keeps
//
// Strings, numbers and booleans become the text of an attribute; values that are
// lists, maps or bytes are left out, because no part of a graph is named by one.
// Where a resource names its service twice, the first name counts.
// Events, scopes and status messages are not read. Times beyond the year 2262
// read as unknown, enum numbers from the future as unset, and invalid UTF-8 as
// U+FFFD. A link whose ids are empty points nowhere and is dropped.
//
// Jaeger and Zipkin keep microseconds. What they have in tags and OTLP in fields
// becomes fields again: kind, status, tracestate. What OpenTracing's tags say of the
// other end of a call (db.instance, db.type, message_bus.destination, peer.hostname,
// peer.port) is there under OpenTelemetry's older names as well. In Jaeger's JSON the
// parent is the first CHILD_OF reference to the same trace, or where there is none the
// first other to it; what else a span refers to are links. In Zipkin's, names of
// services are lower case, a tag "error" is an error whatever it says except false, and
// a span without a kind that names both ends is a client. The name of the remote
// endpoint becomes peer.service, of a producer or consumer messaging.system: it is the
// broker. A duration of zero is none there. Version 1 is not read.
package tracefile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"

	"github.com/tempograph/tempograph/servicegraph"
)

// Config says what to keep of a trace file. The zero value keeps everything.
type Config struct {
	// Keep reports whether to put the attributes with this key on spans and
	// resources; nil keeps all of them. It must answer the same whenever it is
	// asked. The service's name and namespace are always read, and never among
	// the resource attributes.
	Keep func(key string) bool
}

// maxRecord is the largest record that is read, in bytes: one must fit into
// memory. A larger one is skipped.
const maxRecord = 1 << 30

// Read returns the spans of a trace file in their order there. The name stands
// for the input in errors. The sequence reads r as it goes and can be ranged
// over once; closing r is left to the caller.
//
// Spans do not change after they were yielded. They share memory with their
// neighbours: the slices may not be written to, and a span that is kept for long
// can hold some kilobytes more than its own.
func Read(r io.Reader, name string, cfg Config) iter.Seq2[servicegraph.Span, error] {
	return func(yield func(servicegraph.Span, error) bool) {
		newSource(name, cfg, yield).run(r, maxRecord)
	}
}

// ReadFile is [Read] of the file at path, which is opened anew each time that
// the sequence is ranged over, and closed at its end.
func ReadFile(path string, cfg Config) iter.Seq2[servicegraph.Span, error] {
	return func(yield func(servicegraph.Span, error) bool) {
		f, err := open(path)
		if err != nil {
			yield(servicegraph.Span{}, fmt.Errorf("reading %s: %w", path, err))
			return
		}
		defer f.Close()
		Read(f, path, cfg)(yield)
	}
}

// open opens a file for reading, and refuses a directory.
func open(path string) (*os.File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, cause(err)
	}
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		err = errors.New("it is a directory; name the trace files in it")
	}
	if err != nil {
		f.Close()
		return nil, cause(err)
	}
	return f, nil
}

// cause returns an error of the file system without the operation and the path,
// which the message around it names.
func cause(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}
