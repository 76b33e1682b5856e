package tempogrpc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/grafana/tempo/pkg/tempopb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/tempograph/tempograph/internal/quantity"
	"github.com/tempograph/tempograph/tempoclient"
	"github.com/tempograph/tempograph/tempoclient/internal/shared"
)

// A receiver receives the messages of a stream.
type receiver[M any] interface{ Recv() (M, error) }

// stream yields the result of merge for every message of a stream. At the end, it yields the result
// of finish, to which it passes the result for the last message. stream retries until the first
// message arrives, as HTTP requests are retried.
func stream[M, T any](
	outer context.Context, c *Client, method string,
	open func(context.Context, tempopb.StreamingQuerierClient) (receiver[M], error),
	merge func(M) (T, error), finish func(T) T,
	yield func(T, error) bool,
) {
	var (
		none   T
		source receiver[M]
		m      M
	)
	ctx, cancel := context.WithCancelCause(outer)
	defer cancel(nil)
	timeout := c.http.Timeout
	silent := fmt.Errorf("no message for %v: %w", timeout, context.DeadlineExceeded)
	silence := time.AfterFunc(timeout, func() { cancel(silent) })
	defer silence.Stop()

	header := http.Header{}
	receive := func() error {
		silence.Reset(timeout)
		next, err := source.Recv()
		silence.Stop() // the time of the loop body does not count
		switch {
		case err == nil:
			m = next
			c.http.Answered()
			return nil
		case err == io.EOF:
			return io.EOF
		case outer.Err() != nil:
			return c.http.Ended(outer)
		case ctx.Err() != nil:
			return c.failed(method, 0, "", context.Cause(ctx))
		}
		return c.statusError(method, err, header)
	}
	err := c.http.Retry(ctx, func() error {
		clear(header)
		if err := c.http.Authorize(header); err != nil {
			return fmt.Errorf("tempo %s: %w", c.addr, err)
		}
		md := metadata.MD{}
		for key, values := range header {
			md.Append(key, values...)
		}
		opened, err := open(metadata.NewOutgoingContext(ctx, md), tempopb.NewStreamingQuerierClient(c.conn))
		if err != nil {
			return c.statusError(method, err, header)
		}
		source = opened
		return receive()
	})
	if err == io.EOF {
		err = c.failed(method, 0, "", errors.New("the stream ended without an answer"))
	}
	result := none
	for err == nil {
		if result, err = merge(m); err != nil {
			yield(none, fmt.Errorf("tempo %s: %s: %w", c.addr, method, err))
			return
		}
		if !yield(result, nil) {
			return
		}
		err = receive()
	}
	if err != io.EOF {
		yield(none, err)
		return
	}
	yield(finish(result), nil)
}

func (c *Client) failed(method string, code int, message string, err error) error {
	return c.http.Failed(shared.Failure{
		Method: "gRPC", URL: c.addr + "/tempopb.StreamingQuerier/" + method, Base: c.addr,
		StatusCode: code, Body: message, Err: err,
	})
}

// statusError returns the error that the same failure would have over HTTP. header is the header of
// the request: its credentials are removed from the error.
func (c *Client) statusError(method string, err error, header http.Header) error {
	s := status.Convert(err)
	message := c.http.Redact(s.Message(), header)
	switch {
	case s.Code() == codes.ResourceExhausted && strings.Contains(message, "message larger than max"): // this error comes from the gRPC client, not from Tempo
		return c.failed(method, 0, "", fmt.Errorf("%w than %s", c.http.Cause(shared.TooLarge), quantity.Of(c.http.MaxBytes, "byte")))
	case s.Code() == codes.Unknown && message == "no org id":
		return c.failed(method, http.StatusUnauthorized, message, c.http.Cause(shared.NoTenant))
	case s.Code() != codes.Unavailable:
		return c.failed(method, httpStatus(s.Code()), message, nil)
	}
	switch {
	case strings.Contains(message, "connection refused"):
		err = c.http.Cause(shared.Refused)
	case strings.Contains(message, "unexpected HTTP status code"), strings.Contains(message, "error reading server preface"):
		err = fmt.Errorf("%s: is this Tempo's gRPC port, or an HTTP port with stream_over_http_enabled?", message)
	case strings.HasPrefix(message, "connection error"): // there was no connection
		err = errors.New(message)
	default:
		err = fmt.Errorf("%w: %s", c.http.Cause(shared.BrokeOff), message)
	}
	return c.failed(method, 0, "", err)
}

// httpStatus reverses Tempo's mapping of HTTP status codes.
func httpStatus(code codes.Code) int {
	switch code {
	case codes.InvalidArgument:
		return http.StatusBadRequest
	case codes.Unauthenticated:
		return http.StatusUnauthorized
	case codes.PermissionDenied:
		return http.StatusForbidden
	case codes.NotFound:
		return http.StatusNotFound
	case codes.ResourceExhausted:
		return http.StatusTooManyRequests
	case codes.Unimplemented:
		return http.StatusNotImplemented
	case codes.DeadlineExceeded:
		return http.StatusGatewayTimeout
	}
	return http.StatusInternalServerError
}

// warnings returns the warnings about an answer: a warning if only some jobs were done, the further
// warnings, and a warning if the range includes recent moments that Tempo does not search yet.
func (c *Client) warnings(ctx context.Context, done, jobs int, end time.Time, further ...*tempoclient.Warning) []*tempoclient.Warning {
	var all []*tempoclient.Warning
	if message := shared.Partial(done, jobs); message != "" {
		all = append(all, &tempoclient.Warning{Kind: tempoclient.WarnPartial, Message: message})
	}
	for _, w := range further {
		if w != nil {
			all = append(all, w)
		}
	}
	if message := c.http.Unsearched(ctx, end); message != "" {
		all = append(all, &tempoclient.Warning{Kind: tempoclient.WarnRecent, Message: message})
	}
	return all
}
