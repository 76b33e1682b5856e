// Package otlpreceiver is the server side of OTLP for traces, over gRPC and over HTTP:
// it takes export requests, undoes what the transport did to them, hands their bytes
// over, and gives the answers of the protocol. What is in a request it does not look at.
//
//	take := func(r otlpreceiver.Request) (otlpreceiver.Rejected, error) { … }
//	go otlpreceiver.NewGRPCServer(take).Serve(grpcListener)
//	go http.Serve(httpListener, otlpreceiver.Handler(take))
//
// A request that takes more than [MaxRequest] bytes is refused. Senders wait while
// [maxAtOnce] requests of HTTP, or as many of one gRPC connection, are under way, so that
// a flood of them does not fill the memory.
package otlpreceiver

// A Request is one ExportTraceServiceRequest.
type Request struct {
	Body []byte // uncompressed; not used after it was handed over
	JSON bool   // in the JSON form of OTLP, else protobuf
}

// Rejected says how many spans of a request were not taken because they are invalid, and
// why, for people. Its zero value is the usual answer.
type Rejected struct {
	Spans  int64
	Reason string
}

// Take takes a request. An error says why it is not one at all; its sender is told so, and
// not to send it again. Take is called from many goroutines at a time.
type Take func(Request) (Rejected, error)

// MaxRequest is how many bytes a request has at most, before compression. The SDKs send
// 512 spans at a time, about 200 kB; a Collector's batches have some thousand.
const MaxRequest = 16 << 20

// maxAtOnce is how many requests are read and worked on at the same time.
const maxAtOnce = 8
