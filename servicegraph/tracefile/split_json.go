package tracefile

import "github.com/tempograph/tempograph/servicegraph/tracefile/internal/jsontext"

// splitJSON returns a splitter of OTLP JSON whose requests follow one another.
func splitJSON(in *input) splitter {
	return jsonSplitter{jsontext.NewSplitter(in.Reader, in.limit)}
}

type jsonSplitter struct{ text *jsontext.Splitter }

func (p jsonSplitter) reader(s *sink, size int) segmentReader {
	return &jsonSegmentReader{text: p.text, size: size, requests: newJSONReader(s)}
}

// A jsonSegmentReader reads segments of JSON in turn with others.
type jsonSegmentReader struct {
	text     *jsontext.Splitter
	size     int // about how many bytes a segment has
	requests jsonReader

	end     int64 // of the segment, as an offset in the input
	decoded bool  // the segment was decoded when it was read
}

func (r *jsonSegmentReader) read() error {
	stream := &r.requests.stream
	end, inTurn, err := r.text.Next(stream, r.size)
	r.end, r.decoded = end, inTurn
	if inTurn {
		err = r.requests.readTo(end)
		r.text.Resume(stream)
	}
	return err
}

func (r *jsonSegmentReader) decode() (err error) {
	if !r.decoded {
		err = unlessEOF(r.requests.readTo(r.end))
	}
	r.text.Shrink(&r.requests.stream)
	return err
}
