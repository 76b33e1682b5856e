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
)

// Path is where requests are posted to.
const Path = "/v1/traces"

// readTime is how long a request may take to arrive, once it has its turn.
const readTime = 30 * time.Second

// Handler returns the HTTP side: requests are posted to [Path], as protobuf or JSON,
// compressed with gzip or not. Pages of other sites cannot send any: browsers ask before
// they send these content types, and are not answered.
func Handler(take Take) http.Handler {
	slots := make(chan struct{}, maxAtOnce)
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+Path, func(w http.ResponseWriter, r *http.Request) {
		form, ok := forms[contentType(r)]
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
		http.NewResponseController(w).SetReadDeadline(time.Now().Add(readTime)) // where there is a connection
		code, answer := export(w, r, form, take)
		body, err := form.marshal(answer)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", form.contentType)
		w.WriteHeader(code)
		w.Write(body)
	})
	mux.HandleFunc(Path, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "this takes OTLP traces, which are POSTed", http.StatusMethodNotAllowed)
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "this takes OTLP traces: POST them to "+Path, http.StatusNotFound)
	})
	return mux
}

// A form is how requests and their answers are encoded.
type form struct {
	contentType string
	json        bool
	marshal     func(proto.Message) ([]byte, error)
}

var forms = map[string]form{
	"application/x-protobuf": {"application/x-protobuf", false, proto.Marshal},
	"application/json":       {"application/json", true, protojson.Marshal},
}

func contentType(r *http.Request) string {
	t, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return t
}

// export takes one request, and returns the status and the message to answer with.
func export(w http.ResponseWriter, r *http.Request, form form, take Take) (int, proto.Message) {
	body, err := read(w, r)
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return http.StatusRequestEntityTooLarge, &spb.Status{
			Code:    int32(codes.ResourceExhausted),
			Message: fmt.Sprintf("a request of more than %d bytes: send fewer spans at a time", tooLarge.Limit),
		}
	}
	rejected := Rejected{}
	if err == nil {
		rejected, err = take(Request{Body: body, JSON: form.json})
	}
	if err != nil {
		return http.StatusBadRequest, &spb.Status{Code: int32(codes.InvalidArgument), Message: err.Error()}
	}
	return http.StatusOK, response(rejected)
}

// read returns the body without its compression.
func read(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	body := http.MaxBytesReader(w, r.Body, MaxRequest)
	switch encoding := r.Header.Get("Content-Encoding"); encoding {
	case "", "identity":
	case "gzip":
		z, err := gzip.NewReader(body)
		if err != nil {
			return nil, fmt.Errorf("reading the gzip stream: %w", err)
		}
		body = http.MaxBytesReader(w, z, MaxRequest)
	default:
		return nil, fmt.Errorf("unknown Content-Encoding %q: want gzip or none", encoding)
	}
	b, err := io.ReadAll(body)
	if err != nil {
		return nil, fmt.Errorf("reading the request: %w", err)
	}
	return b, nil
}
