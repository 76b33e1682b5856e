package child

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestOnFreePorts(t *testing.T) {
	taken := errors.New("its log ends:\nlisten tcp 127.0.0.1:1: bind: address already in use")
	other := errors.New("its log ends:\nno such file")
	for _, test := range []struct {
		errors []error // the errors that the calls of start return; the last one is for all further calls
		want   error
		calls  int
	}{
		{[]error{nil}, nil, 1},
		{[]error{taken, taken, nil}, nil, 3},
		{[]error{taken, other}, other, 2},
		{[]error{taken}, taken, portAttempts},
	} {
		calls := 0
		err := OnFreePorts(2, func(ports []int) error {
			if len(ports) != 2 || ports[0] == ports[1] || slices.Contains(ports, 0) {
				t.Errorf("got ports %v, want two different ones", ports)
			}
			calls++
			return test.errors[min(calls, len(test.errors))-1]
		})
		if err != test.want || calls != test.calls {
			t.Errorf("%v: %d calls, %v; want %d, %v", test.errors, calls, err, test.calls, test.want)
		}
	}
}

func TestServerThatEndsBeforeItIsReady(t *testing.T) {
	p, err := Start(filepath.Join(t.TempDir(), "log"), "go", "no-such-command")
	if err != nil {
		t.Fatal(err)
	}
	err = p.AwaitReady(t.Context(), func() bool { return false })
	if err == nil || !strings.Contains(err.Error(), "ended before it was ready: exit status 2; its log ends:\ngo no-such-command: unknown command") {
		t.Errorf("AwaitReady: %v", err)
	}
	if err := p.End("the go command"); err == nil || !strings.HasPrefix(err.Error(), "the go command died while in use: exit status 2; its log ends:\ngo no-such-command") {
		t.Errorf("End: %v", err)
	}
}

func TestServerThatIsNeverReady(t *testing.T) {
	p, err := Start(filepath.Join(t.TempDir(), "log"), "go", "run", "-h") // any program that ends by itself
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	reason := errors.New("the test has no time")
	cancel(reason)
	if err := p.AwaitReady(ctx, func() bool { return false }); err == nil || !errors.Is(err, reason) && !strings.Contains(err.Error(), "ended before") {
		t.Errorf("got %v, want the cause", err)
	}
	select {
	case <-p.Done():
	default:
		t.Error("the program still runs")
	}
}

func TestGet(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/ready" {
			http.NotFound(w, r)
			return
		}
		fmt.Fprint(w, "ready")
	}))
	if body, ok := Get(t.Context(), s.URL+"/ready"); !ok || body != "ready" {
		t.Errorf("got %q, %t", body, ok)
	}
	if _, ok := Get(t.Context(), s.URL+"/other"); ok {
		t.Error("404 is ok")
	}
	s.Close()
	if _, ok := Get(t.Context(), s.URL+"/ready"); ok {
		t.Error("a server that is down is ok")
	}
}
