package tracefile

import (
	"math/rand/v2"
	"slices"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
)

// TestSkipTo: a reader that skips to a tag finds the same fields with the tag, and the same error,
// as a reader that reads every field. The messages have fields of every wire type, and some are
// damaged.
func TestSkipTo(t *testing.T) {
	const tag = spansResource
	rng := rand.New(rand.NewPCG(1, 1))
	damaged := 0
	for range 20_000 {
		var message []byte
		for range rng.IntN(6) {
			switch num := protowire.Number(1 + rng.IntN(3)); rng.IntN(8) {
			case 0:
				message = protowire.AppendVarint(protowire.AppendTag(message, num, protowire.VarintType), rng.Uint64()>>rng.IntN(64))
			case 1:
				message = protowire.AppendFixed64(protowire.AppendTag(message, num, protowire.Fixed64Type), rng.Uint64())
			case 2:
				message = protowire.AppendBytes(protowire.AppendTag(message, num+20, protowire.BytesType), make([]byte, rng.IntN(3)))
			case 3:
				message = protowire.AppendBytes(protowire.AppendTag(message, num, protowire.BytesType), make([]byte, rng.IntN(20_000)))
			default:
				message = protowire.AppendBytes(protowire.AppendTag(message, num, protowire.BytesType), make([]byte, rng.IntN(300)))
			}
		}
		if len(message) > 0 && rng.IntN(3) == 0 {
			message[rng.IntN(min(len(message), 4))] ^= byte(1 + rng.IntN(255))
		}
		if rng.IntN(4) == 0 {
			message = message[:rng.IntN(len(message)+1)]
		}
		var every, skipped [][]byte
		all := wireReader{rest: message}
		for all.next() {
			if all.tag == tag {
				every = append(every, all.bytes)
			}
		}
		r := wireReader{rest: message}
		for r.skipTo(tag); r.next(); r.skipTo(tag) {
			if r.tag == tag {
				skipped = append(skipped, r.bytes)
			}
		}
		if r.err != all.err || !slices.EqualFunc(every, skipped, slices.Equal) {
			t.Fatalf("%x: skipping finds %x, %v; reading all finds %x, %v", message, skipped, r.err, every, all.err)
		}
		if r.err != nil {
			damaged++
		}
	}
	if damaged == 0 {
		t.Error("no message was damaged")
	}
}
