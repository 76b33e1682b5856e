package otelsetup

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// A consoleExporter writes one line for each span, for a developer who watches the output.
type consoleExporter struct {
	mu sync.Mutex
	w  io.Writer
}

func newConsoleExporter() *consoleExporter { return &consoleExporter{w: os.Stdout} }

func (e *consoleExporter) ExportSpans(_ context.Context, spans []sdktrace.ReadOnlySpan) error {
	var b bytes.Buffer
	for _, s := range spans {
		c := s.SpanContext()
		fmt.Fprintf(&b, "%s %s %s %q %v trace=%s span=%s", s.EndTime().UTC().Format("15:04:05.000"),
			serviceOf(s.Resource()), s.SpanKind(), s.Name(), s.EndTime().Sub(s.StartTime()).Round(time.Microsecond), c.TraceID(), c.SpanID())
		if s.Parent().IsValid() {
			fmt.Fprintf(&b, " parent=%s", s.Parent().SpanID())
		}
		if status := s.Status(); status.Code != codes.Unset {
			fmt.Fprintf(&b, " status=%s %q", status.Code, status.Description)
		}
		for _, kv := range s.Attributes() {
			fmt.Fprintf(&b, " %s=%q", kv.Key, kv.Value.Emit())
		}
		b.WriteByte('\n')
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	_, err := e.w.Write(b.Bytes())
	return err
}

func (e *consoleExporter) Shutdown(context.Context) error { return nil }
