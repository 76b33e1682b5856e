// Package shared lets package tempogrpc use the settings and the error handling of a
// client of package tempoclient.
package shared

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/tempograph/tempograph/internal/quantity"
)

// Client is the part of a tempoclient.Client that tempogrpc uses.
type Client struct {
	Base     *url.URL // without user, query and trailing slash
	Timeout  time.Duration
	MaxBytes int64

	TLS        func() (*tls.Config, error)                     // nil for the system's settings
	Authorize  func(http.Header) error                         // adds tenant and credentials
	Redact     func(text string, sent http.Header) string      // removes credentials from a text
	Retry      func(context.Context, func() error) error       // sends a request until it succeeds or a retry is useless
	Answered   func()                                          // records that the server has answered
	Ended      func(context.Context) error                     // returns the error for a context that has ended
	Failed     func(Failure) error                             // returns a *tempoclient.Error
	Cause      func(Cause) error                               // returns the error of package tempoclient for a cause
	Unsearched func(ctx context.Context, end time.Time) string // the message of a WarnRecent, or ""
}

// A Failure describes a failed request.
type Failure struct {
	Method, URL, Base string
	StatusCode        int // 0 if there was no answer
	Body              string
	Err               error
}

// Cause is a kind of error that retries and messages depend on.
type Cause uint8

// The causes of failures.
const (
	TooLarge Cause = iota + 1
	BrokeOff
	NoTenant
	Refused // the connection
)

// Partial returns the message about a search of which only some parts were done, or "".
func Partial(done, total int) string {
	if done >= total {
		return ""
	}
	verb := "were"
	if total == 1 {
		verb = "was"
	}
	return fmt.Sprintf("%s of %s of the search %s done", quantity.Number(done), quantity.Of(total, "part"), verb)
}
