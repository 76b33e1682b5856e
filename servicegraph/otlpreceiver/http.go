package otlpreceiver

import (
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"time"

	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// Path is the path of the URL that requests are posted to.
const Path = "/v1/traces"

// HTTPServer returns a server with the handler of [Receiver.Handler]. The server limits how long a
// connection may be idle, how long it may take to send a head, and how long it may take to read an
// answer. The caller starts and stops it; see also [Receiver.Listener].
func (r *Receiver) HTTPServer(isOurs func(host string) bool) *http.Server {
	return &http.Server{
		Handler:           r.Handler(isOurs),
		ConnContext:       connContext,
		ReadHeaderTimeout: connectionTime,
		WriteTimeout:      idleTime,
		IdleTimeout:       idleTime,
		MaxHeaderBytes:    maxHeader,
	}
}

// Handler returns a handler for OTLP over HTTP. Requests are posted to [Path], as protobuf
// or JSON, compressed with gzip or not compressed.
//
// Web pages cannot send requests. The content types make a browser send a CORS preflight request
// first, which is refused. Requests that carry a browser's headers are refused as well, and so are
// requests for whose Host header isOurs returns false, because the name of another site may lead to
// this server (DNS rebinding). If isOurs is nil, every host is accepted.
func (r *Receiver) Handler(isOurs func(host string) bool) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+Path, r.serveHTTP)
	mux.HandleFunc(Path, func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Allow", http.MethodPost)
		refuse(w, req, "this URL receives OTLP traces: use the method POST", http.StatusMethodNotAllowed)
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, req *http.Request) {
		refuse(w, req, "not found: this server receives OTLP traces by POST to "+Path, http.StatusNotFound)
	})
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		req = countBody(req)
		defer answered(req)
		switch {
		case req.Header.Get("Origin") != "" || req.Header.Get("Sec-Fetch-Site") != "":
			refuse(w, req, "this server receives OTLP from programs, not from web pages", http.StatusForbidden)
		case isOurs != nil && !isOurs(req.Host):
			refuse(w, req, fmt.Sprintf("this server is not %q: send to localhost or to an IP address", req.Host), http.StatusMisdirectedRequest)
		default:
			mux.ServeHTTP(w, req)
		}
	})
}

func (r *Receiver) serveHTTP(w http.ResponseWriter, req *http.Request) {
	enc, ok := encodings[contentType(req)]
	if !ok {
		refuse(w, req, "want Content-Type application/x-protobuf or application/json", http.StatusUnsupportedMediaType)
		return
	}
	code, answer := http.StatusOK, proto.Message(nil)
	rejected, err := r.receiveHTTP(w, req, enc)
	if err == nil {
		answer = response(rejected)
	} else {
		drain(w, req.Body)
		status := statusOf(err)
		code, answer = httpCodes[codes.Code(status.Code)], status
	}
	if code == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", strconv.Itoa(int(retryAfter/time.Second)))
		answer = &spb.Status{Code: int32(codes.Unavailable), Message: err.Error()} // the header says when to retry
	}
	body, err := enc.marshal(answer)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", enc.contentType)
	w.WriteHeader(code)
	w.Write(body)
}

// httpCodes are the statuses of HTTP for the codes of statusOf.
var httpCodes = map[codes.Code]int{
	codes.InvalidArgument:   http.StatusBadRequest,
	codes.ResourceExhausted: http.StatusRequestEntityTooLarge,
	codes.Unavailable:       http.StatusServiceUnavailable,
}

// An encoding is a format of requests and of their answers.
type encoding struct {
	contentType string
	json        bool
	marshal     func(proto.Message) ([]byte, error)
}

// encodings are the formats by content type.
var encodings = map[string]encoding{
	"application/x-protobuf": {"application/x-protobuf", false, proto.Marshal},
	"application/json":       {"application/json", true, protojson.Marshal},
}

func contentType(r *http.Request) string {
	t, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return t
}

// receiveHTTP receives the body of a request.
func (r *Receiver) receiveHTTP(w http.ResponseWriter, req *http.Request, enc encoding) (Rejected, error) {
	var decompress func(io.Reader) (io.Reader, error)
	switch coding := req.Header.Get("Content-Encoding"); coding {
	case "", "identity":
	case "gzip":
		decompress = gunzip
	default:
		return Rejected{}, fmt.Errorf("unknown Content-Encoding %q: want gzip or none", coding)
	}
	if req.ContentLength > MaxRequest {
		return Rejected{}, errTooManyBytes()
	}
	room, err := r.enter(w, req)
	if err != nil {
		return Rejected{}, err
	}
	defer room.leave()
	body := http.MaxBytesReader(w, req.Body, MaxRequest)
	return r.receive(req.Context(), room, body, decompress, enc.json)
}

// refuse answers a request that is not meant for this server.
func refuse(w http.ResponseWriter, req *http.Request, text string, code int) {
	drain(w, req.Body)
	http.Error(w, text, code)
}

// drain reads the rest of a refused body for a short time. A sender that cannot send the whole body
// may never read the answer.
func drain(w http.ResponseWriter, body io.Reader) {
	http.NewResponseController(w).SetReadDeadline(time.Now().Add(patience))
	io.Copy(io.Discard, io.LimitReader(body, 2*MaxRequest))
}
