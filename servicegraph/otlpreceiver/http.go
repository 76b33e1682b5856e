package otlpreceiver

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"time"

	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/tempograph/tempograph/internal/quantity"
)

// Path is the path of the URL that requests are posted to.
const Path = "/v1/traces"

// readTime is how long a request may take to arrive, from the moment that it is handled.
const readTime = 30 * time.Second

// Handler returns a handler for OTLP over HTTP. Requests are posted to [Path], as protobuf
// or JSON, compressed with gzip or not compressed. Web pages cannot send requests: their
// content types make a browser send a CORS preflight request first, which is refused.
func Handler(take Take) http.Handler {
	slots := make(chan struct{}, maxAtOnce)
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+Path, func(w http.ResponseWriter, r *http.Request) {
		enc, ok := encodings[contentType(r)]
		if !ok {
			http.Error(w, "want Content-Type application/x-protobuf or application/json", http.StatusUnsupportedMediaType)
			return
		}
		select {
		case slots <- struct{}{}:
			defer func() { <-slots }()
		case <-r.Context().Done():
			return
		}
		http.NewResponseController(w).SetReadDeadline(time.Now().Add(readTime)) // fails if w has no connection, as in a test
		code, answer := export(w, r, enc, take)
		body, err := enc.marshal(answer)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", enc.contentType)
		w.WriteHeader(code)
		w.Write(body)
	})
	mux.HandleFunc(Path, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "this URL receives OTLP traces: use the method POST", http.StatusMethodNotAllowed)
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "not found: this server receives OTLP traces by POST to "+Path, http.StatusNotFound)
	})
	return mux
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

// export handles one request, and returns the status and the message of the answer.
func export(w http.ResponseWriter, r *http.Request, enc encoding, take Take) (int, proto.Message) {
	body, err := read(w, r)
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return http.StatusRequestEntityTooLarge, &spb.Status{
			Code:    int32(codes.ResourceExhausted),
			Message: fmt.Sprintf("the request has more than %s: send fewer spans at a time", quantity.Of(tooLarge.Limit, "byte")),
		}
	}
	rejected := Rejected{}
	if err == nil {
		rejected, err = take(Request{Body: body, JSON: enc.json})
	}
	if errors.Is(err, ErrTooLarge) {
		return http.StatusRequestEntityTooLarge, &spb.Status{Code: int32(codes.ResourceExhausted), Message: err.Error()}
	}
	if err != nil {
		return http.StatusBadRequest, &spb.Status{Code: int32(codes.InvalidArgument), Message: err.Error()}
	}
	return http.StatusOK, response(rejected)
}

// read returns the decompressed body.
func read(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	body := http.MaxBytesReader(w, r.Body, MaxRequest)
	switch coding := r.Header.Get("Content-Encoding"); coding {
	case "", "identity":
	case "gzip":
		z, err := gzip.NewReader(body)
		if err != nil {
			return nil, fmt.Errorf("reading the gzip stream: %w", err)
		}
		body = http.MaxBytesReader(w, z, MaxRequest)
	default:
		return nil, fmt.Errorf("unknown Content-Encoding %q: want gzip or none", coding)
	}
	b, err := io.ReadAll(body)
	if err != nil {
		return nil, fmt.Errorf("reading the request: %w", err)
	}
	return b, nil
}
