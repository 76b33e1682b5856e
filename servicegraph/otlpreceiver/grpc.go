package otlpreceiver

import (
	"compress/gzip"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	coltracepb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
)

// exportPath is the path of the only method.
const exportPath = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"

// GRPCServer returns a server of OTLP's trace service. The caller starts and stops it; see also
// [Receiver.Listener].
//
// The server answers one method with one message, which needs little more than HTTP/2. It does not
// use the server of package grpc, which reads and decompresses a whole message before a handler
// learns its size, so that memory would grow with the number of connections.
func (r *Receiver) GRPCServer() *http.Server {
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	return &http.Server{
		Handler:           http.HandlerFunc(r.serveGRPC),
		ConnContext:       connContext,
		Protocols:         protocols,
		ReadHeaderTimeout: connectionTime,
		IdleTimeout:       idleTime,
		MaxHeaderBytes:    maxHeader,
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams:          100,
			MaxReadFrameSize:              16 << 10,
			MaxReceiveBufferPerConnection: maxUnread,
			MaxReceiveBufferPerStream:     maxUnread,
		},
	}
}

const (
	connectionTime = 10 * time.Second // how long a new connection may take to begin to speak HTTP/2
	idleTime       = 2 * time.Minute  // how long a connection stays open without a request

	// The bytes that a connection may hold outside of the budget: for the head of one request, and
	// for data that has arrived and waits for room.
	maxHeader = 64 << 10
	maxUnread = 64 << 10
)

func (r *Receiver) serveGRPC(w http.ResponseWriter, req *http.Request) {
	req = countBody(req)
	defer answered(req)
	if req.Method != http.MethodPost || !strings.HasPrefix(req.Header.Get("Content-Type"), "application/grpc") {
		http.Error(w, "this port receives OTLP over gRPC", http.StatusUnsupportedMediaType)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/grpc")
	h.Set("Grpc-Accept-Encoding", "gzip")
	h.Set("Trailer", "Grpc-Status, Grpc-Message, Grpc-Status-Details-Bin")
	rejected, err := r.receiveGRPC(w, req)
	var answer []byte
	if err == nil {
		answer, err = proto.Marshal(response(rejected))
	}
	w.WriteHeader(http.StatusOK)
	if err != nil {
		endGRPC(w, statusOf(err))
		return
	}
	w.Write(append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(answer))), answer...))
	endGRPC(w, &spb.Status{})
}

// receiveGRPC receives the message of a request: a byte that tells whether the message is
// compressed, its length in four bytes, and the message.
func (r *Receiver) receiveGRPC(w http.ResponseWriter, req *http.Request) (Rejected, error) {
	if req.URL.Path != exportPath {
		return Rejected{}, &codedError{codes.Unimplemented, fmt.Errorf("unknown method %s: this server receives traces", req.URL.Path)}
	}
	room, err := r.enter(w, req)
	if err != nil {
		return Rejected{}, err
	}
	defer room.leave()
	var head [5]byte
	if _, err := io.ReadFull(req.Body, head[:]); err != nil {
		if room.wasStopped() {
			return Rejected{}, errBusy
		}
		return Rejected{}, errReading(err)
	}
	size := binary.BigEndian.Uint32(head[1:])
	if size > MaxRequest {
		return Rejected{}, errTooManyBytes()
	}
	var decompress func(io.Reader) (io.Reader, error)
	if head[0] != 0 {
		if coding := req.Header.Get("Grpc-Encoding"); coding != "gzip" {
			return Rejected{}, &codedError{codes.Unimplemented, fmt.Errorf("unknown grpc-encoding %q: want gzip or none", coding)}
		}
		decompress = gunzip
	}
	body := &wholeReader{req.Body, int64(size)}
	return r.receive(req.Context(), room, body, decompress, false)
}

// A wholeReader reads a number of bytes. If there are fewer, the error is io.ErrUnexpectedEOF.
type wholeReader struct {
	from io.Reader
	left int64
}

func (r *wholeReader) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	n, err := r.from.Read(p[:min(int64(len(p)), r.left)])
	r.left -= int64(n)
	if err == io.EOF && r.left > 0 {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// gunzip returns a reader of a decompressed gzip stream.
func gunzip(from io.Reader) (io.Reader, error) {
	z, err := gzip.NewReader(from)
	if err != nil {
		return nil, fmt.Errorf("the gzip stream: %w", err)
	}
	return z, nil
}

// A codedError is an error with its own status code.
type codedError struct {
	code codes.Code
	err  error
}

func (e *codedError) Error() string { return e.err.Error() }

// statusOf returns the status that tells the sender about an error.
func statusOf(err error) *spb.Status {
	s := &spb.Status{Code: int32(codes.InvalidArgument), Message: err.Error()}
	switch coded, ok := errors.AsType[*codedError](err); {
	case ok:
		s.Code = int32(coded.code)
	case errors.Is(err, ErrTooLarge):
		s.Code = int32(codes.ResourceExhausted) // without RetryInfo, so the sender drops the request
	case errors.Is(err, errBusy):
		s.Code = int32(codes.Unavailable)
		if info, err := anypb.New(&errdetails.RetryInfo{RetryDelay: durationpb.New(retryAfter)}); err == nil {
			s.Details = append(s.Details, info)
		}
	}
	return s
}

// endGRPC sets the status of the answer, which is in the trailers, after the headers.
func endGRPC(w http.ResponseWriter, s *spb.Status) {
	h := w.Header()
	h.Set("Grpc-Status", strconv.Itoa(int(s.Code)))
	if s.Message != "" {
		h.Set("Grpc-Message", strings.ReplaceAll(url.QueryEscape(s.Message), "+", "%20"))
	}
	if len(s.Details) > 0 {
		if details, err := proto.Marshal(s); err == nil {
			h.Set("Grpc-Status-Details-Bin", base64.RawStdEncoding.EncodeToString(details))
		}
	}
}

// response returns the answer to a valid request. It has a partial success only if spans
// were rejected: some senders log an empty one as a warning without text.
func response(r Rejected) *coltracepb.ExportTraceServiceResponse {
	if r == (Rejected{}) {
		return &coltracepb.ExportTraceServiceResponse{}
	}
	return &coltracepb.ExportTraceServiceResponse{PartialSuccess: &coltracepb.ExportTracePartialSuccess{
		RejectedSpans: r.Spans,
		ErrorMessage:  r.Reason,
	}}
}
