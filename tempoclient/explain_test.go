package tempoclient

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// TestServerThatSpeaksUnasked has servers that send data before the request: an HTTP answer with a
// reason, or the first bytes of gRPC.
func TestServerThatSpeaksUnasked(t *testing.T) {
	reason := errors.New("remote error: tls: certificate required")
	if got := explain(fmt.Errorf("readLoopPeekFailLocked: %w", reason)); got != reason {
		t.Errorf("with a reason: %v, want %v", got, reason)
	}
	for _, said := range []string{"readLoopPeekFailLocked: %!w(<nil>)", `net/http: HTTP/1.x transport connection broken: malformed HTTP response "\x00\x00\x06\x04"`} {
		if got := explain(errors.New(said)); !strings.Contains(got.Error(), "gRPC") {
			t.Errorf("%s: %v", said, got)
		}
	}
}
