package tracefile

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	tracev1 "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/tempograph/tempograph/servicegraph"
)

// A wireField is an encoded field of a message.
type wireField []byte

func bytesField(n protowire.Number, parts ...wireField) wireField {
	return protowire.AppendBytes(protowire.AppendTag(nil, n, protowire.BytesType), slices.Concat(parts...))
}

func textField(n protowire.Number, text string) wireField { return bytesField(n, wireField(text)) }

func varintField(n protowire.Number, v uint64) wireField {
	return protowire.AppendVarint(protowire.AppendTag(nil, n, protowire.VarintType), v)
}

func timeField(n protowire.Number, v uint64) wireField {
	return protowire.AppendFixed64(protowire.AppendTag(nil, n, protowire.Fixed64Type), v)
}

func attributeField(fields ...wireField) wireField { return bytesField(9, fields...) }

// requestOf returns a request of one service and the spans with these fields.
func requestOf(spans ...[]wireField) []byte {
	service := bytesField(1, textField(1, "service.name"), bytesField(2, textField(1, "svc")))
	var scope []wireField
	for _, fields := range spans {
		scope = append(scope, bytesField(2, fields...))
	}
	return bytesField(1, bytesField(1, service), bytesField(2, scope...))
}

// identified returns the ids and the name of a span.
func identified(id byte) []wireField {
	return []wireField{bytesField(1, bytes.Repeat([]byte{1}, 16)), bytesField(2, bytes.Repeat([]byte{id}, 8)), textField(5, "n")}
}

var timed = []wireField{timeField(7, 1e18), timeField(8, 1e18+1000)}

// Read and Load agree on spans with fields in any order, some of them repeated. The kind determines
// which attributes are read, wherever it is in the span.
func TestWireOrders(t *testing.T) {
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 7))
		var spans [][]wireField
		for id := range byte(8) {
			fields := randomWireFields(rng, id+1)
			switch seed % 4 {
			case 1:
				slices.Reverse(fields)
			case 2:
				rng.Shuffle(len(fields), func(i, j int) { fields[i], fields[j] = fields[j], fields[i] })
			case 3: // the kind after the attributes
				slices.SortStableFunc(fields, func(a, b wireField) int { return orderWithKindLast(a) - orderWithKindLast(b) })
			}
			spans = append(spans, fields)
		}
		for _, cfg := range loadConfigs {
			checkLoad(t, requestOf(spans...), cfg)
		}
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// Events change nothing, however long they are and whether they come before or after the attributes.
func TestWireEvents(t *testing.T) {
	for _, size := range []int{0, 1, 127, 128, 300, 1<<14 - 1, 1 << 14} {
		for _, falling := range []bool{false, true} {
			fields := append(identified(1), varintField(6, 3))
			fields = append(fields, timed...)
			fields = append(fields, attributeField(textField(1, "server.address"), bytesField(2, textField(1, "host"))))
			event := bytesField(11, make(wireField, size))
			with := slices.Concat(fields, []wireField{event, event, bytesField(15, varintField(3, 2))})
			fields = append(fields, bytesField(15, varintField(3, 2)))
			if falling {
				slices.Reverse(with)
				slices.Reverse(fields)
			}
			want := checkLoad(t, requestOf(fields), servicegraph.Config{})
			if want.Skips != nil || want.Err != "" {
				t.Fatalf("skips %q and error %q", want.Skips, want.Err)
			}
			if diff := cmp.Diff(want, checkLoad(t, requestOf(with), servicegraph.Config{})); diff != "" {
				t.Errorf("events of %d bytes, falling %v (-without +with):\n%s", size, falling, diff)
			}
		}
	}
}

func orderWithKindLast(f wireField) int {
	if uint64(f[0]) == spanKind {
		return 100
	}
	return int(f[0] >> 3)
}

// randomWireFields returns the fields of a span in the order of their numbers.
func randomWireFields(rng *rand.Rand, id byte) []wireField {
	pick := func(from ...string) string { return from[rng.IntN(len(from))] }
	fields := identified(id)
	if rng.IntN(3) > 0 {
		fields = append(fields, bytesField(4, bytes.Repeat([]byte{byte(1 + rng.IntN(8))}, 8)))
	}
	if rng.IntN(4) == 0 {
		fields = append(fields, textField(3, pick("ot=th:8", "ot=th:c", "ot=th:5")))
	}
	for range rng.IntN(5) % 3 {
		fields = append(fields, varintField(6, uint64(rng.IntN(8))))
	}
	fields = append(fields, timed...)
	for range rng.IntN(6) {
		key := pick("db.system", "server.address", "server.port", "peer.service", "http.status_code",
			"messaging.system", "messaging.destination.name", "messaging.operation.type", "other", "", pick("peer.servicf", "x"))
		value := textField(1, pick("kafka", "mysql", "send", "receive", "a", "", string(bytes.Repeat([]byte("long"), 40))))
		if rng.IntN(4) == 0 {
			value = varintField(3, uint64(rng.IntN(1<<rng.IntN(40))))
		}
		if rng.IntN(40) == 0 {
			value = value[:len(value)-1] // damaged
		}
		attribute := []wireField{textField(1, key), bytesField(2, value)}
		switch rng.IntN(8) {
		case 0:
			slices.Reverse(attribute)
		case 1:
			attribute = append(attribute, attribute[rng.IntN(2)]) // the repeated field replaces the first, or is merged with it
		}
		fields = append(fields, attributeField(attribute...))
	}
	if rng.IntN(4) == 0 {
		fields = append(fields, bytesField(13, bytesField(1, bytes.Repeat([]byte{2}, 16)), bytesField(2, bytes.Repeat([]byte{3}, 8))))
	}
	if rng.IntN(3) == 0 {
		fields = append(fields, bytesField(15, varintField(3, uint64(rng.IntN(3)))))
	}
	return fields
}

// A span with a damaged attribute is skipped, wherever the damage is, even if it is in the value of
// an attribute that is only read for other kinds of spans.
func TestWireDamagedAttribute(t *testing.T) {
	good := []wireField{textField(1, "server.address"), bytesField(2, textField(1, "a"))}
	for name, attribute := range map[string]wireField{
		"a key cut off":               attributeField(wireField{0x0a, 0x7f}),
		"a field after key and value": attributeField(append(slices.Clone(good), wireField{0x1a, 0x7f})...),
		"a value cut off":             attributeField(good[0], bytesField(2, wireField{0x0a, 0x7f})),
	} {
		for _, kind := range []uint64{2, 3} {
			span := slices.Concat(identified(1), []wireField{varintField(6, kind)}, timed, []wireField{attribute})
			data := requestOf(identified(2), span)
			for _, cfg := range loadConfigs {
				if got := checkLoad(t, data, cfg); len(got.Skips) != 1 {
					t.Errorf("%s, kind %d: skipped %q", name, kind, got.Skips)
				}
			}
		}
	}
}

// A third field of an attribute, after key and value, is ignored.
func TestWireThirdField(t *testing.T) {
	attribute := attributeField(textField(1, "peer.service"), bytesField(2, textField(1, "b")), varintField(3, 1))
	data := requestOf(slices.Concat(identified(1), []wireField{varintField(6, 3)}, timed, []wireField{attribute}))
	b := servicegraph.NewBuilder(servicegraph.Config{})
	if err := Load(b, bytes.NewReader(data), "input", LoadConfig{}); err != nil {
		t.Fatal(err)
	}
	for e := range b.Graph().Edges() {
		if e.ID.To.Name != "b" {
			t.Errorf("a call to %q, want b", e.ID.To.Name)
		}
	}
	if got := checkLoad(t, data, servicegraph.Config{}); len(got.Skips) > 0 {
		t.Errorf("skipped %q", got.Skips)
	}
}

// A span in falling order, as the Collector writes it, may have more fields after its trace id:
// an unknown one is ignored, and a known one is read.
func TestWireFallingOrderGoesOn(t *testing.T) {
	falling := slices.Concat(identified(1), []wireField{varintField(6, 3)}, timed)
	slices.Reverse(falling)
	for name, extra := range map[string]wireField{
		"nothing":                 nil,
		"an unknown text":         textField(99, "x"),
		"an unknown number":       varintField(98, 7),
		"a name":                  textField(5, "another name"),
		"an attribute":            attributeField(textField(1, "peer.service"), bytesField(2, textField(1, "b"))),
		"the id of a parent":      bytesField(4, bytes.Repeat([]byte{2}, 8)),
		"the trace id once again": bytesField(1, bytes.Repeat([]byte{3}, 16)),
	} {
		data := requestOf(append(slices.Clone(falling), extra))
		var official tracev1.TracesData
		if err := proto.Unmarshal(data, &official); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(spansOf(&official), read(t, data)); diff != "" {
			t.Errorf("%s after the trace id (-want +got):\n%s", name, diff)
		}
		checkLoad(t, data, servicegraph.Config{})
	}
}
