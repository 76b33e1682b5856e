// Package otlpreceiver is the server side of OTLP for traces, over gRPC and over HTTP. It
// receives export requests, decompresses them, passes their bytes on without decoding
// them, and answers as the protocol requires.
//
//	take := func(r otlpreceiver.Request) (otlpreceiver.Rejected, error) { … }
//	go otlpreceiver.NewGRPCServer(take).Serve(grpcListener)
//	go http.Serve(httpListener, otlpreceiver.Handler(take))
//
// Two limits bound its memory. A request of more than [MaxRequest] bytes is refused. While
// 8 requests over HTTP, or 8 of one gRPC connection, are being handled, the senders of
// others wait.
package otlpreceiver

import "errors"

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

// Take handles a request. An error means that the request as a whole is invalid, or, if it
// wraps ErrTooLarge, that the request is too large: the sender gets the error, with a status
// that forbids sending the request again. Take is called from several goroutines at a time.
type Take func(Request) (Rejected, error)

// ErrTooLarge says that a request has more than its receiver accepts.
var ErrTooLarge = errors.New("the request is too large")

// MaxRequest is the largest size of a request in bytes, also after decompression. SDKs
// send up to 512 spans at a time, about 200 kB; a Collector sends batches of some thousand.
const MaxRequest = 16 << 20

// maxAtOnce is how many requests are read and handled at a time.
const maxAtOnce = 8
