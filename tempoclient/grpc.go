package tempoclient

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"

	"github.com/grafana/tempo/pkg/tempopb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// dial prepares the connection for streams, which is made when it is first used.
func (c *Client) dial() (*grpc.ClientConn, error) {
	creds := insecure.NewCredentials()
	if c.base.Scheme == "https" {
		t, err := c.cfg.tlsConfig()
		if err != nil {
			return nil, err
		}
		creds = credentials.NewTLS(t)
	}
	conn, err := grpc.NewClient(c.grpcAddr(),
		grpc.WithTransportCredentials(creds),
		grpc.WithDefaultCallOptions(
			grpc.ForceCodec(codec{}),
			grpc.MaxCallRecvMsgSize(int(min(c.cfg.MaxBytes, math.MaxInt32))),
		),
	)
	if err != nil {
		return nil, fmt.Errorf("tempo %s: %w", c.grpcAddr(), err)
	}
	return conn, nil
}

func (c *Client) grpcAddr() string {
	if c.cfg.GRPCAddr != "" {
		return c.cfg.GRPCAddr
	}
	port := map[string]string{"http": "80", "https": "443"}[c.base.Scheme]
	return net.JoinHostPort(c.base.Hostname(), cmp.Or(c.base.Port(), port))
}

// A codec encodes tempopb's messages, which are not of the kind that gRPC's own
// codec knows.
type codec struct{}

func (codec) Name() string { return "proto" }

func (codec) Marshal(v any) ([]byte, error) {
	return v.(interface{ Marshal() ([]byte, error) }).Marshal()
}

func (codec) Unmarshal(data []byte, v any) error {
	return v.(interface{ Unmarshal([]byte) error }).Unmarshal(data)
}

// A receiver is the end of a stream of messages on our side.
type receiver[M any] interface{ Recv() (M, error) }

// stream yields what merge makes of every message of a stream, and at its end what
// finish makes of the last of that. Before the first message it retries as other
// requests do.
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
	conn, err := c.conn()
	if err != nil {
		yield(none, err)
		return
	}
	ctx, cancel := context.WithCancelCause(outer)
	defer cancel(nil)
	silent := fmt.Errorf("silent for %v: %w", c.cfg.Timeout, context.DeadlineExceeded)
	silence := time.AfterFunc(c.cfg.Timeout, func() { cancel(silent) })
	defer silence.Stop()

	header := http.Header{}
	receive := func() error {
		silence.Reset(c.cfg.Timeout)
		next, err := source.Recv()
		silence.Stop() // the time that our caller takes does not count
		switch {
		case err == nil:
			m = next
			c.reached.Store(true)
			return nil
		case err == io.EOF:
			return io.EOF
		case outer.Err() != nil:
			return c.ended(outer)
		case ctx.Err() != nil:
			return c.streamError(method, 0, "", context.Cause(ctx))
		}
		return c.statusError(method, err, header)
	}
	err = c.withRetries(ctx, func() error {
		clear(header)
		if err := c.cfg.authorize(header); err != nil {
			return fmt.Errorf("tempo %s: %w", c.grpcAddr(), err)
		}
		md := metadata.MD{}
		for key, values := range header {
			md.Append(key, values...)
		}
		opened, err := open(metadata.NewOutgoingContext(ctx, md), tempopb.NewStreamingQuerierClient(conn))
		if err != nil {
			return c.statusError(method, err, header)
		}
		source = opened
		return receive()
	})
	if err == io.EOF {
		err = c.streamError(method, 0, "", errors.New("the stream ended without an answer"))
	}
	result := none
	for err == nil {
		if result, err = merge(m); err != nil {
			yield(none, fmt.Errorf("tempo %s: %s: %w", c.grpcAddr(), method, err))
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

func (c *Client) streamError(method string, code int, message string, err error) *Error {
	base := c.grpcAddr()
	return &Error{
		Method: "gRPC", URL: base + "/tempopb.StreamingQuerier/" + method,
		StatusCode: code, Body: message, Err: err,
		base: base,
	}
}

// statusError turns an error of gRPC into what the same would be over HTTP. The
// header is what was sent, which must not show.
func (c *Client) statusError(method string, err error, header http.Header) *Error {
	s := status.Convert(err)
	message := withoutSecrets(s.Message(), header)
	switch {
	case s.Code() == codes.ResourceExhausted && strings.Contains(message, "message larger than max"): // said on our side
		return c.streamError(method, 0, "", fmt.Errorf("%w than %d bytes", errTooLarge, c.cfg.MaxBytes))
	case s.Code() == codes.Unknown && message == "no org id":
		return c.streamError(method, http.StatusUnauthorized, message, errNoTenant)
	case s.Code() != codes.Unavailable:
		return c.streamError(method, httpStatus(s.Code()), message, nil)
	}
	switch {
	case strings.Contains(message, "connection refused"):
		err = explain(syscall.ECONNREFUSED)
	case strings.Contains(message, "unexpected HTTP status code"), strings.Contains(message, "error reading server preface"):
		err = fmt.Errorf("%s: is this Tempo's gRPC port, or an HTTP port with stream_over_http_enabled?", message)
	case strings.HasPrefix(message, "connection error"): // no connection came about
		err = errors.New(message)
	default:
		err = fmt.Errorf("%w: %s", errBrokeOff, message)
	}
	return c.streamError(method, 0, "", err)
}

// httpStatus is the way back from Tempo's mapping of HTTP status codes.
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
