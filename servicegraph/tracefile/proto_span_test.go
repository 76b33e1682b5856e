package tracefile

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/tempograph/tempograph/servicegraph"
)

// A wireField is a field of a message as it is encoded.
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

// identified are the ids and the name of a span.
func identified(id byte) []wireField {
	return []wireField{bytesField(1, bytes.Repeat([]byte{1}, 16)), bytesField(2, bytes.Repeat([]byte{id}, 8)), textField(5, "n")}
}

var timed = []wireField{timeField(7, 1e18), timeField(8, 1e18+1000)}

// TestWireOrders encodes spans with fields in any order, some of them twice, and wants
// Load to find what Read does: the kind says which attributes matter, wherever it is.
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
			case 3: // the kind behind the attributes
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
			attribute = append(attribute, attribute[rng.IntN(2)]) // what comes again counts, or is merged
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

// TestWireDamagedAttribute: an attribute that is none takes its span along, and says so,
// wherever the damage is; so does the value of an attribute that is read of other kinds.
func TestWireDamagedAttribute(t *testing.T) {
	good := []wireField{textField(1, "server.address"), bytesField(2, textField(1, "a"))}
	for name, attribute := range map[string]wireField{
		"a key cut off":       attributeField(wireField{0x0a, 0x7f}),
		"a field behind both": attributeField(append(slices.Clone(good), wireField{0x1a, 0x7f})...),
		"a value cut off":     attributeField(good[0], bytesField(2, wireField{0x0a, 0x7f})),
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

// TestWireThirdField: what an attribute has behind key and value is not theirs.
func TestWireThirdField(t *testing.T) {
	attribute := attributeField(textField(1, "peer.service"), bytesField(2, textField(1, "b")), varintField(3, 1))
	data := requestOf(slices.Concat(identified(1), []wireField{varintField(6, 3)}, timed, []wireField{attribute}))
	b := servicegraph.NewBuilder(servicegraph.Config{})
	if err := Load(b, bytes.NewReader(data), "input", nil); err != nil {
		t.Fatal(err)
	}
	for e := range b.Graph().Edges() {
		if e.ID.To.Name != "b" {
			t.Errorf("a call to %q", e.ID.To.Name)
		}
	}
	if got := checkLoad(t, data, servicegraph.Config{}); len(got.Skips) > 0 {
		t.Errorf("skipped %q", got.Skips)
	}
}

// TestWireUnknownFieldLast encodes a span in falling order with a field that we do not know
// after the trace id: the span is read as if that field were not there.
func TestWireUnknownFieldLast(t *testing.T) {
	fields := slices.Concat(identified(1), []wireField{varintField(6, 2)}, timed)
	slices.Reverse(fields)
	for _, unknown := range []wireField{varintField(100, 1), textField(99, "x")} {
		data := requestOf(append(slices.Clone(fields), unknown))
		got := checkLoad(t, data, servicegraph.Config{})
		b := servicegraph.NewBuilder(servicegraph.Config{})
		if err := Load(b, bytes.NewReader(data), "input", nil); err != nil {
			t.Fatal(err)
		}
		if spans := b.Graph().Report().Spans; len(got.Skips) > 0 || spans != 1 {
			t.Errorf("%d spans, want 1; skipped %q", spans, got.Skips)
		}
	}
}
