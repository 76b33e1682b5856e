package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"

	"go.opentelemetry.io/collector/pdata/ptrace"
)

// An input holds the same export requests in both encodings of OTLP.
type input struct {
	name  string
	spans int
	sides int // client, server, producer and consumer spans, which Tempo's processor reads

	protobuf []byte // requests, each preceded by its length as a varint
	json     []byte // requests, one on each line
}

// newInput encodes requests.
func newInput(name string, requests iter.Seq2[ptrace.Traces, error]) (*input, error) {
	in := &input{name: name}
	for request, err := range requests {
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", name, err)
		}
		for _, span := range spansOf(request) {
			in.spans++
			switch span.Kind() {
			case ptrace.SpanKindClient, ptrace.SpanKindServer, ptrace.SpanKindProducer, ptrace.SpanKindConsumer:
				in.sides++
			}
		}
		message, err := (&ptrace.ProtoMarshaler{}).MarshalTraces(request)
		if err != nil {
			return nil, fmt.Errorf("encoding %s: %w", name, err)
		}
		in.protobuf = binary.AppendUvarint(in.protobuf, uint64(len(message)))
		in.protobuf = append(in.protobuf, message...)
		line, err := (&ptrace.JSONMarshaler{}).MarshalTraces(request)
		if err != nil {
			return nil, fmt.Errorf("encoding %s: %w", name, err)
		}
		in.json = append(append(in.json, line...), '\n')
	}
	if in.spans == 0 {
		return nil, fmt.Errorf("%s: no spans", name)
	}
	return in, nil
}

// readInput reads a file of requests in either encoding, compressed or not.
func readInput(path string) (*input, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r := bufio.NewReader(f)
	if start, _ := r.Peek(2); bytes.Equal(start, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(r)
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", path, err)
		}
		r = bufio.NewReader(z)
	}
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	name := filepath.Base(path)
	if bytes.HasPrefix(data, []byte("{")) {
		return newInput(name, decoded(bytes.Lines(data), (&ptrace.JSONUnmarshaler{}).UnmarshalTraces))
	}
	messages, err := delimited(data)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	return newInput(name, decoded(messages, (&ptrace.ProtoUnmarshaler{}).UnmarshalTraces))
}

func decoded(messages iter.Seq[[]byte], unmarshal func([]byte) (ptrace.Traces, error)) iter.Seq2[ptrace.Traces, error] {
	return func(yield func(ptrace.Traces, error) bool) {
		for message := range messages {
			if !yield(unmarshal(message)) {
				return
			}
		}
	}
}

var errNotDelimited = errors.New("not length-delimited protobuf")

// delimited returns the length-delimited messages of data. The messages alias data. It returns an
// error if the lengths do not add up to the size of data.
func delimited(data []byte) (iter.Seq[[]byte], error) {
	for rest := data; len(rest) > 0; {
		size, n := binary.Uvarint(rest)
		if n <= 0 || size > uint64(len(rest)-n) {
			return nil, errNotDelimited
		}
		rest = rest[n+int(size):]
	}
	return func(yield func([]byte) bool) {
		for rest := data; len(rest) > 0; {
			size, n := binary.Uvarint(rest)
			if !yield(rest[n : n+int(size)]) {
				return
			}
			rest = rest[n+int(size):]
		}
	}, nil
}

// spansOf returns the spans of a request with their services.
func spansOf(request ptrace.Traces) iter.Seq2[string, ptrace.Span] {
	return func(yield func(string, ptrace.Span) bool) {
		for _, rs := range request.ResourceSpans().All() {
			var service string
			if v, ok := rs.Resource().Attributes().Get("service.name"); ok {
				service = v.AsString()
			}
			for _, ss := range rs.ScopeSpans().All() {
				for _, span := range ss.Spans().All() {
					if !yield(service, span) {
						return
					}
				}
			}
		}
	}
}
