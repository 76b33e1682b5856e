package main

import (
	"bytes"
	"fmt"

	"go.opentelemetry.io/collector/pdata/ptrace"
)

// pdataProtobuf decodes every request into the Collector's types, and only counts spans.
func pdataProtobuf(in *input, workers int) error {
	messages, err := delimited(in.protobuf)
	if err != nil {
		return err
	}
	return each(messages, workers, func() func([]byte) error {
		var u ptrace.ProtoUnmarshaler
		return decodeOnly(u.UnmarshalTraces)
	})
}

// pdataJSON does the same with the requests in JSON.
func pdataJSON(in *input, workers int) error {
	return each(bytes.Lines(in.json), workers, func() func([]byte) error {
		var u ptrace.JSONUnmarshaler
		return decodeOnly(u.UnmarshalTraces)
	})
}

func decodeOnly(unmarshal func([]byte) (ptrace.Traces, error)) func([]byte) error {
	return func(message []byte) error {
		traces, err := unmarshal(message)
		if err != nil {
			return fmt.Errorf("pdata: %w", err)
		}
		if traces.SpanCount() == 0 {
			return fmt.Errorf("pdata: a request without spans")
		}
		return nil
	}
}
