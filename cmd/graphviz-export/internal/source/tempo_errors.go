package source

import (
	"errors"
	"fmt"
	"iter"
	"net/http"
	"strings"

	"github.com/tempograph/tempograph/cmd/graphviz-export/internal/exit"
	"github.com/tempograph/tempograph/internal/quantity"
	"github.com/tempograph/tempograph/servicegraph"
	"github.com/tempograph/tempograph/tempoclient"
)

// This file turns errors of package tempoclient into errors that tell the user what to do.

// withoutRecent removes the warning that Tempo does not search the most recent spans yet, and
// prints it as information: the warning applies to every time range that ends now.
func (t Tempo) withoutRecent(spans iter.Seq2[servicegraph.Span, error]) iter.Seq2[servicegraph.Span, error] {
	return func(yield func(servicegraph.Span, error) bool) {
		for span, err := range spans {
			if w, ok := errors.AsType[*tempoclient.Warning](err); ok && w.Kind == tempoclient.WarnRecent {
				t.Stderr.Infof("%s", w.Message)
				continue
			}
			if !yield(span, err) {
				return
			}
		}
	}
}

// limited adds to errors about the limit which traces the limit lets through.
func limited(spans iter.Seq2[servicegraph.Span, error], limit int, when string) iter.Seq2[servicegraph.Span, error] {
	if !strings.HasPrefix(when, "from ") {
		when = "of the " + when
	}
	text := fmt.Sprintf("newest %s %s (limit reached)", quantity.Of(limit, "trace"), when)
	return func(yield func(servicegraph.Span, error) bool) {
		for span, err := range spans {
			if skip, ok := errors.AsType[*servicegraph.SkipError](err); ok && skip.Traces > 0 {
				skip.Limited = text
			}
			if !yield(span, err) {
				return
			}
		}
	}
}

// advised adds a next step and the exit status to the errors of the client.
func advised(spans iter.Seq2[servicegraph.Span, error]) iter.Seq2[servicegraph.Span, error] {
	return func(yield func(servicegraph.Span, error) bool) {
		for span, err := range spans {
			if !yield(span, advise(err)) {
				return
			}
		}
	}
}

func advise(err error) error {
	if errors.Is(err, tempoclient.ErrNotFound) {
		return exit.With(exit.Nothing, fmt.Errorf("%w: check the id and --org-id; Tempo may need some seconds to find a new trace", err))
	}
	e, ok := errors.AsType[*tempoclient.Error](err)
	if !ok {
		return err
	}
	switch e.StatusCode {
	case http.StatusBadRequest:
		flag := "--query"
		if strings.Contains(e.Body, "tenant ID") {
			flag = "--org-id"
		}
		return exit.With(exit.Usage, fmt.Errorf("%w: correct %s", err, flag))
	case http.StatusUnauthorized, http.StatusForbidden:
		if strings.Contains(e.Body, "no org id") {
			return fmt.Errorf("%w: set --org-id or TEMPO_ORG_ID", err)
		}
		return fmt.Errorf("%w: check TEMPO_USERNAME and TEMPO_PASSWORD, or TEMPO_BEARER_TOKEN", err)
	}
	return err
}

// IsTruncated reports whether an error says that Tempo returned a trace only in part.
func IsTruncated(err error) bool {
	w, ok := errors.AsType[*tempoclient.Warning](err)
	return ok && (w.Kind == tempoclient.WarnPartial || w.Kind == tempoclient.WarnTruncated) && !w.TraceID.IsZero()
}
