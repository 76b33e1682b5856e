// Package otlpreceiver is the server side of OTLP for traces, over gRPC and over HTTP. It
// receives export requests, decompresses them, passes their bytes on without decoding
// them, and answers as the protocol requires.
//
//	receiver := otlpreceiver.New(func(r otlpreceiver.Request) (otlpreceiver.Rejected, error) { … })
//	go receiver.GRPCServer().Serve(receiver.Listener(grpcListener))
//	go receiver.HTTPServer(isOurs).Serve(receiver.Listener(httpListener))
//
// Memory is bounded by one budget of bytes for both protocols and all connections. A request takes
// bytes from the budget as they arrive, after decompression, and returns them when it is answered.
// So a request that arrives slowly costs no more than what has arrived. When room runs short, the
// requests that have been arriving longest are answered with an error that tells the sender to send
// them again later, so that slow requests do not delay others. A request that finds no room within
// a second gets the same answer. A part of the budget is reserved for requests of up to 1 MiB. A
// request of more than [MaxRequest] bytes is refused.
//
// The number of connections is bounded as well, see [Receiver.Listener].
package otlpreceiver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"time"

	"github.com/tempograph/tempograph/internal/quantity"
)

// A Request is one ExportTraceServiceRequest.
type Request struct {
	Body []byte // decompressed; it belongs to the function that takes the request
	JSON bool   // the encoding is JSON, otherwise protobuf
}

// Rejected says how many spans of a request are invalid and were left out, and the reason
// in words. The zero value means that all spans were accepted.
type Rejected struct {
	Spans  int64
	Reason string
}

// Take handles a request. An error means that the request as a whole is invalid, or, if it wraps
// ErrTooLarge, that the request is too large: the sender gets the error, with a status that forbids
// sending the request again. Take is called from up to 12 goroutines at the same time.
type Take func(Request) (Rejected, error)

// ErrTooLarge says that a request is larger than the receiver accepts.
var ErrTooLarge = errors.New("the request is too large")

// errBusy says that a request may be sent again later.
var errBusy = fmt.Errorf("too many requests at a time: send this one again after %v", retryAfter)

const (
	// MaxRequest is the largest size of a request in bytes, also after decompression. SDKs
	// send up to 512 spans at a time, about 200 kB; a Collector sends batches of some thousand.
	MaxRequest = 16 << 20

	maxBytes = 4*MaxRequest + reserved // of all requests at a time
	reserved = MaxRequest              // of maxBytes: for requests that hold up to smallRoom

	largeRequest = 1 << 20          // bytes beyond which a request takes turns with others as large
	smallRoom    = 2 * largeRequest // of a smaller request: its buffer doubles
	maxSmall     = 8                // smaller requests that are taken at a time
	maxLarge     = 4                // at most, of the others

	youth      = 20 * time.Millisecond // how long a request may be arriving before its room can be taken for others
	patience   = time.Second           // how long a request waits for room, or for its turn
	readTime   = 30 * time.Second      // how long a request may take to arrive
	retryAfter = time.Second
)

// A Receiver receives requests. Its handlers and servers share one budget. They are safe for
// concurrent use.
type Receiver struct {
	take         Take
	budget       *budget
	small, large turns // for requests of up to largeRequest bytes, and for the others
	dense        turns // for requests of up to largeRequest bytes that are compressed a hundred times
	connections  *connections
}

// New returns a receiver that passes requests to take.
func New(take Take) *Receiver {
	large := min(max(runtime.GOMAXPROCS(0)/2, 1), maxLarge)
	return &Receiver{
		take:        take,
		budget:      newBudget(maxBytes, reserved),
		small:       make(turns, maxSmall),
		large:       make(turns, large),
		dense:       make(turns, large),
		connections: &connections{max: MaxConnections, maxArriving: maxArriving},
	}
}

// receive reads a request to its end and passes it on. It reads the body through decompress, which
// is nil if the body is not compressed.
func (r *Receiver) receive(ctx context.Context, room *room, body io.Reader, decompress func(io.Reader) (io.Reader, error), json bool) (rejected Rejected, err error) {
	data, err := room.readAll(ctx, body)
	if err != nil {
		return Rejected{}, err
	}
	take := func(data []byte) (err error) {
		rejected, err = r.take(Request{Body: data, JSON: json})
		return err
	}
	return rejected, room.conn.handle(func() error {
		switch {
		case decompress != nil:
			return r.takeCompressed(ctx, room, data, decompress, take)
		case len(data) > largeRequest:
			return r.large.run(ctx, func() error { return take(data) })
		default:
			return r.small.run(ctx, func() error { return take(data) })
		}
	})
}

// errTooManyBytes is the error for a request of more than MaxRequest bytes.
func errTooManyBytes() error {
	return fmt.Errorf("%w: it has more than %s: send fewer spans at a time", ErrTooLarge, quantity.Of(MaxRequest, "byte"))
}
