// Package tracefile reads spans from trace files.
//
// A trace file holds OTLP export requests (ExportTraceServiceRequest, which has the
// structure of TracesData), or answers of Jaeger's or Zipkin's API, in one of these formats.
// The format is detected from the first bytes, never from the file's name:
//
//   - OTLP JSON: requests one after another, each in one line or in many, or all in a list.
//     A collector may write requests of other signals into the same file; these are
//     ignored. Answers to trace queries hold the same objects and are also read: Tempo's
//     below "batches" or "trace", with ids in base64, and Jaeger's (API v3) below "result".
//     The older name of scopeSpans, instrumentationLibrarySpans, is accepted.
//   - OTLP protobuf, length-delimited: every request after its length as a varint.
//   - OTLP protobuf, one message: a single request, such as the body of an export, or
//     several requests concatenated into one.
//   - Jaeger's JSON: answers of its API, downloads from its user interface, and traces or
//     spans alone, in a list, or one a line.
//   - Zipkin's JSON, version 2: spans in a list, in a list of traces, or one a line.
//
// A file may be compressed with gzip or zstd. Records are read one at a time, so memory
// depends on the largest record and not on the file, and records are limited to 64 MiB by
// default. Inside a record, spans are decoded one at a time.
//
// # Records and errors
//
// A record is one request of OTLP (or one ResourceSpans, in a file of one protobuf message), one
// trace of Jaeger, or one span of Zipkin. A fault inside a record costs as little as the encoding
// allows: one span, the spans of one scope or resource, or a whole object that is not JSON.
// The sequence reports the fault as a [servicegraph.SkipError], and reading goes on. Of a record
// with many faults it reports the first ten one by one, and counts the others in one more
// SkipError. An input that is lost ends the sequence with one error of another type, after all
// spans that could be read before. An input is lost if it cannot be read, is cut off, is not a
// trace file, or has no record that can be read.
//
// # What a span keeps
//
// Strings, numbers and booleans become the text of an attribute. Values that are lists, maps
// or bytes are left out, because they name no part of a graph. If a resource names its
// service twice, the first name counts. The name of the scope becomes the attribute
// otel.scope.name, as it is in formats without scopes. Events are not read. The message of a status
// becomes the attribute otel.status_description, but only if Config.Keep is set and accepts this key.
// Times after the year 2262 are read as unknown, unknown enum numbers as unset, and invalid
// UTF-8 as U+FFFD. A link with empty ids points nowhere and is dropped.
//
// Jaeger and Zipkin keep microseconds. Kind, status and tracestate, which they keep in tags,
// become fields of the span. Tags of OpenTracing that name the other end of a call (db.instance,
// db.type, message_bus.destination, peer.hostname, peer.port) are also given under
// OpenTelemetry's older names.
//
// In Jaeger's JSON the parent is the first CHILD_OF reference to the same trace, or, if there
// is none, the first other reference to the same trace. All other references are links.
//
// In Zipkin's JSON the names of services are lower case; a tag "error" is an error unless its
// value is false; and a span without a kind that names both ends is a client. The name of
// the remote endpoint becomes peer.service, and for a producer or consumer messaging.system,
// because it is the broker. A duration of zero means unknown. Version 1 is not read.
package tracefile

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"

	"github.com/tempograph/tempograph/servicegraph"
)

// Config says what to read of a trace file. The zero value reads everything, except for very
// large records.
type Config struct {
	// Keep reports whether spans and resources keep the attributes with this key; nil
	// keeps all of them. Keep must always give the same answer for a key. The name and
	// namespace of the service are always read, and are never resource attributes.
	Keep func(key string) bool

	// MaxRecord is the size in bytes of the largest record that is read; 0 stands for
	// [DefaultMaxRecord]. A larger record is skipped, because a record must fit into memory:
	// reading takes about three times its size. The [servicegraph.SkipError] wraps
	// [ErrRecordTooLarge].
	MaxRecord int
}

// DefaultMaxRecord is the size in bytes of the largest record that is read by default. An
// exporter sends requests of up to some megabytes.
const DefaultMaxRecord = 64 << 20

// ErrRecordTooLarge is the error about a record of more than MaxRecord bytes. Errors wrap it.
var ErrRecordTooLarge = errors.New("larger than the limit")

// ErrNotTraceFile is the error about an input that is not a trace file: it is empty, has an unknown
// format, or has no record that can be read. A program that reads many files can leave such a file
// out. Errors match it with [errors.Is].
var ErrNotTraceFile = errors.New("not a trace file")

// Read returns the spans of a trace file in the order of the file. The name stands for the input in
// errors. The sequence reads r while it is ranged over, and can be ranged over once. Read does not
// close r.
//
// A span does not change after it was yielded. Spans share memory with their neighbors: the
// caller must not write to their slices, and a span that is kept for long can hold some
// kilobytes more than its own.
func Read(r io.Reader, name string, cfg Config) iter.Seq2[servicegraph.Span, error] {
	return func(yield func(servicegraph.Span, error) bool) {
		s := newSink(name, cfg, yieldOutput(yield))
		if err := readAll(s, r, cmp.Or(cfg.MaxRecord, DefaultMaxRecord)); err != nil && err != errStopped {
			yield(servicegraph.Span{}, fmt.Errorf("reading %s: %w", name, err))
		}
	}
}

// readAll reads an input in one goroutine. A record of more than limit bytes is skipped. The
// error completes "reading NAME: …".
func readAll(s *sink, r io.Reader, limit int) error {
	in, err := openInput(r, nil, limit)
	if err != nil {
		return err
	}
	return s.summarize(in, in.format.read(s, in))
}

// yieldOutput is the output of [Read]: the body of the loop that ranges over it.
type yieldOutput func(servicegraph.Span, error) bool

func (yield yieldOutput) add(span servicegraph.Span) bool { return yield(span, nil) }
func (yield yieldOutput) skip(skip *servicegraph.SkipError) bool {
	return yield(servicegraph.Span{}, skip)
}

// flush is never called: a sink for Read has no packer.
func (yield yieldOutput) flush() bool { return true }

// ReadMessage returns the spans of one OTLP protobuf message, an ExportTraceServiceRequest or
// a TracesData, in the order of the message. The name stands for the message in errors. Unlike
// [Read], ReadMessage does not detect the format. Every error is a
// [servicegraph.SkipError]: reading goes on after it.
func ReadMessage(message []byte, name string, cfg Config) iter.Seq2[servicegraph.Span, error] {
	return func(yield func(servicegraph.Span, error) bool) {
		s := newSink(name, cfg, yieldOutput(yield))
		if newWireDecoder(s).request(message) == nil { // fails only if the caller stops
			s.endRecord()
		}
	}
}

// ReadFile is [Read] of the file at path. Each range over the sequence opens the file, and
// closes it at the end.
func ReadFile(path string, cfg Config) iter.Seq2[servicegraph.Span, error] {
	return func(yield func(servicegraph.Span, error) bool) {
		f, err := openFile(path)
		if err != nil {
			yield(servicegraph.Span{}, fmt.Errorf("reading %s: %w", path, err))
			return
		}
		defer f.Close()
		Read(f, path, cfg)(yield)
	}
}

// openFile opens a file for reading, and refuses a directory.
func openFile(path string) (*os.File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, withoutPath(err)
	}
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		err = errors.New("it is a directory; name the trace files in it")
	}
	if err != nil {
		f.Close()
		return nil, withoutPath(err)
	}
	return f, nil
}

// withoutPath returns an error of the file system without its operation and path, which
// the message around it names.
func withoutPath(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}
