package otelsetup

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"runtime/debug"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
)

// newResource describes the service: what is found out about host and
// runtime, below what the environment says and what the options say. Notes
// tell what could not be found out; that never fails.
//
// Attributes of options carry no schema URL. The semantic conventions that a
// program happens to import are seldom the ones that the SDK imports, and two
// different schema URLs do not merge.
func newResource(ctx context.Context, o options) (*resource.Resource, []note) {
	attrs := append([]attribute.KeyValue(nil), o.attrs...)
	for _, kv := range []attribute.KeyValue{
		semconv.ServiceName(o.service),
		semconv.ServiceVersion(o.version),
		semconv.ServiceNamespace(o.namespace),
	} {
		if kv.Value.AsString() != "" {
			attrs = append(attrs, kv)
		}
	}
	stated := []resource.Option{resource.WithFromEnv(), resource.WithAttributes(attrs...)}
	if o.environmentWins {
		stated[0], stated[1] = stated[1], stated[0]
	}

	var notes []note
	res, err := resource.New(ctx, append([]resource.Option{
		resource.WithTelemetrySDK(),
		resource.WithHost(),
		resource.WithProcessRuntimeName(),
		resource.WithProcessRuntimeVersion(),
	}, stated...)...)
	if err != nil { // res holds what was found out all the same
		notes = append(notes, note{slog.LevelWarn, fmt.Sprintf("the resource is incomplete: %v", err)})
	}
	if v, ok := res.Set().Value(semconv.ServiceNameKey); ok && v.AsString() != "" {
		return res, notes
	}
	name := commandName()
	named, err := resource.Merge(res, resource.NewSchemaless(semconv.ServiceName(name)))
	if err != nil {
		notes = append(notes, note{slog.LevelWarn, fmt.Sprintf("the resource is incomplete: %v", err)})
	}
	return named, append(notes, note{slog.LevelWarn, fmt.Sprintf(
		"the service has no name, using %q: name it by otelsetup.Service or OTEL_SERVICE_NAME", name)})
}

// majorVersion is the last element of the path of a module from version 2 on.
var majorVersion = regexp.MustCompile(`^v[0-9]+$`)

// commandName returns the name that go install would give this program, or
// that of its executable file.
func commandName() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		if name := packageName(info.Path, info.Main.Path); name != "" {
			return name
		}
	}
	if exe, err := os.Executable(); err == nil {
		return filepath.Base(exe)
	}
	return filepath.Base(os.Args[0])
}

// packageName returns the last element of the path of a main package. A
// program that go run built from files has no path of its own: its module's
// is the next best.
func packageName(pkg, module string) string {
	if pkg == "command-line-arguments" {
		pkg = module
	}
	if pkg == "" {
		return ""
	}
	if base := path.Base(pkg); !majorVersion.MatchString(base) || base == pkg {
		return base
	}
	return path.Base(path.Dir(pkg))
}
